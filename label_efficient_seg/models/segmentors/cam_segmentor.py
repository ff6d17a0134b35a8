from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from ...core.errors import UserError
from ...ops import normalize_cams, with_background

GIVEN, PREDICTED = 'given', 'predicted'


@MODELS.register_module()
class CAMSegmentor(BaseModel):
    """Segments images by the class activation maps of a trained classifier.

    Its weights are those of mmpretrain's ``ImageClassifier`` with a :class:`CAMClsHead`. For each
    class c of an image's tags, with sums over the scales s and both flips f::

        M_c = sum of unflip_f(resize(CAM_c(flip_f(scale_s(image)))))       at the image's own size
        M_c = M_c / (max M_c + 1e-5)
        background = (1 - max_c M_c)^alpha

    One scale and flip of one image is in the network at a time.

    Args:
        backbone (dict): Config of the backbone.
        head (dict): Config of the :class:`CAMClsHead`.
        data_preprocessor (dict, optional): Config of the ``SegDataPreProcessor``.
        scales (Sequence[float]): Factors on the image's size.
        flip (bool): Whether horizontally flipped images are read too.
        labels (str): ``'given'``: classes are those of the samples' ``image_labels``.
            ``'predicted'``: those whose probability, averaged over scales and flips, is above
            ``label_threshold``.
        label_threshold (float): Probability.
        alpha (float): Power of the background, of which the prediction is made.
        square_root (bool): Whether to sum the square roots of the maps, as AffinityNet's release
            does with VGG-16.

    Raises:
        ValueError: If ``labels`` is something else, or there is no scale.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    #: What its prediction needs that a plain ``EncoderDecoder`` lacks.
    not_publishable = 'class activation maps and a threshold'

    def __init__(
        self,
        backbone: dict,
        head: dict,
        data_preprocessor: dict | None = None,
        scales: Sequence[float] = (1.0, 0.5, 1.5, 2.0),
        flip: bool = True,
        labels: str = GIVEN,
        label_threshold: float = 0.5,
        alpha: float = 16,
        square_root: bool = False,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        if labels not in (GIVEN, PREDICTED) or not scales:
            raise UserError(
                f"labels must be '{GIVEN}' or '{PREDICTED}' and scales not empty, got {labels!r} "
                f'and {tuple(scales)}'
            )
        self.backbone = MODELS.build(backbone)
        self.head = MODELS.build(head)
        self.scales, self.flips = tuple(scales), (False, True) if flip else (False,)
        self.labels, self.label_threshold = labels, label_threshold
        self.alpha, self.square_root = alpha, square_root

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | list[SegDataSample]:
        """Predict, or give the activation maps of one scale.

        Args:
            inputs (Tensor): Preprocessed images, shape (N, 3, H, W).
            data_samples (list[SegDataSample], optional): Of the images.
            mode (str): ``'predict'`` or ``'tensor'``.

        Returns:
            Tensor | list[SegDataSample]: See :meth:`predict`; in mode ``'tensor'``, maps of all
            classes, shape (N, num_classes, h, w), not normalised.

        Raises:
            ValueError: In mode ``'loss'``.
        """
        if mode == 'loss':
            raise UserError(
                'CAMSegmentor does not train: train the ImageClassifier with a CAMClsHead, and '
                'give its checkpoint to this model'
            )
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        return self.head.activation_maps(self.backbone(inputs))

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Segment images.

        Args:
            inputs (Tensor): Preprocessed images, shape (N, 3, H, W).
            data_samples (list[SegDataSample], optional): Of the images; with ``image_labels`` in
                their meta information for ``labels='given'``.

        Returns:
            list[SegDataSample]: With ``cams``, normalised maps of the k present classes at the
            image's own size, (k, H, W); ``cam_classes``, their indices, in the meta information;
            and ``pred_sem_seg``.

        Raises:
            ValueError: If tags are missing or no classes of the classifier.
        """
        if data_samples is None:
            data_samples = [SegDataSample() for _ in inputs]
        for image, sample in zip(inputs, data_samples, strict=True):
            # Without what the data preprocessor pads at the right and at the bottom.
            height, width = sample.get('img_shape', image.shape[1:])[:2]
            classes, cams = self._cams(image[None, :, :height, :width], sample)
            index = with_background(cams, self.alpha).argmax(1)
            prediction = torch.tensor([0, *classes], device=cams.device)[index]
            sample.set_metainfo(dict(cam_classes=classes))
            sample.set_data(
                dict(cams=PixelData(data=cams[0]), pred_sem_seg=PixelData(data=prediction))
            )
        return data_samples

    @torch.no_grad()
    def _cams(self, image: Tensor, sample: SegDataSample) -> tuple[list[int], Tensor]:
        """Classes of one image and their normalised maps, (1, k, H, W)."""
        classes = self._tags(sample) if self.labels == GIVEN else None
        size = sample.get('ori_shape', image.shape[2:])[:2]
        if classes == []:
            return [], image.new_zeros((1, 0, *size))
        total, scores = image.new_zeros(()), []
        for scale in self.scales:
            scaled = _rescale(image, scale)
            for flip in self.flips:
                features = self.backbone(scaled.flip(3) if flip else scaled)
                maps = self.head.activation_maps(features).float()
                if classes is not None:
                    maps = maps[:, [c - 1 for c in classes]]
                maps = maps.sqrt() if self.square_root else maps
                maps = F.interpolate(maps, size, mode='bilinear', align_corners=False)
                total = total + (maps.flip(3) if flip else maps)
                scores.append(self.head(features).float().sigmoid())
        if classes is None:
            probability = torch.stack(scores).mean(0)[0]
            index = (probability > self.label_threshold).nonzero()[:, 0]
            classes, total = (index + 1).tolist(), total[:, index]
        return classes, normalize_cams(total)

    def _tags(self, sample: SegDataSample) -> list[int]:
        classes, name = sample.get('image_labels'), sample.get('img_path')
        if classes is None:
            raise UserError(
                f"CAMSegmentor has labels='{GIVEN}', but image '{name}' comes without "
                'image_labels: put LoadImageTags into the pipeline of its dataset and image_labels '
                f"into the meta_keys of PackSegInputs, or set labels='{PREDICTED}'"
            )
        if strangers := [c for c in classes if not 1 <= c <= self.head.num_classes]:
            raise UserError(
                f"image '{name}' has the tag {strangers[0]}, but the classifier knows the classes "
                f'1 to {self.head.num_classes}'
            )
        return list(classes)


def _rescale(image: Tensor, scale: float) -> Tensor:
    """Bicubic and antialiased, as AffinityNet's release does with Pillow."""
    if scale == 1:
        return image
    size = [max(round(length * scale), 1) for length in image.shape[2:]]
    return F.interpolate(image, size, mode='bicubic', align_corners=False, antialias=True)
