from typing import Any

import torch
from mmseg.models.data_preprocessor import SegDataPreProcessor
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor

from ...core.errors import UserError
from ...ops import strong_augmentation


@MODELS.register_module()
class StrongViewsPreProcessor(SegDataPreProcessor):
    """MMSeg's ``SegDataPreProcessor`` that also makes the strong views of unlabeled images.

    .. code:: text

        {'inputs': [uint8 (3, H, W)], 'data_samples': [..., strong_views]}      PackStrongViews
          | move to the device, normalise, pad
          v
        inputs (N, 3, H, W)                                                     weak view
          | to RGB in [0, 1]; jitter, gray, blur; normalise again
          v
        strong (V, N, 3, H, W), boxes (V, N, 4)

    All views share the geometry, so that labels and the mask of valid pixels (``gt_sem_seg``, see
    :class:`LoadValidMask`) of the weak view belong to the strong ones as well. Batches without
    ``strong_views``, such as labeled ones, and all batches of the evaluation are handled as in
    MMSeg.

    Images are expected as BGR, as mmcv loads them.

    Args:
        views (int, optional): Strong views to make, the first ones of those drawn; 0 where the
            model makes them itself with :meth:`strong_view`. Defaults to all.
        bgr_to_rgb (bool): As in MMSeg.
        **kwargs: Arguments of ``SegDataPreProcessor``.
    """

    def __init__(self, views: int | None = None, bgr_to_rgb: bool = False, **kwargs) -> None:
        super().__init__(bgr_to_rgb=bgr_to_rgb, **kwargs)
        self.views = views
        self._rgb = bgr_to_rgb

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Preprocess a batch.

        Args:
            data (dict): As the dataloader yields it.
            training (bool): Whether to pad, and to make the strong views.

        Returns:
            dict: ``inputs`` and ``data_samples``; with strong views also ``strong`` and ``boxes``.
        """
        batch = super().forward(data, training)
        samples = batch['data_samples']
        if not training or self.views == 0 or 'strong_views' not in samples[0]:
            return batch
        drawn = [sample.strong_views for sample in samples]
        number = len(drawn[0].boxes) if self.views is None else self.views
        if number > len(drawn[0].boxes):
            raise UserError(
                f'views of the data preprocessor is {number}, but PackStrongViews draws only '
                f'{len(drawn[0].boxes)}; set its views={number}'
            )
        strong = [self.strong_view(batch['inputs'], samples, view) for view in range(number)]
        boxes = torch.stack([parameters.boxes[:number] for parameters in drawn], dim=1)
        return dict(batch, strong=torch.stack(strong), boxes=boxes)

    def strong_view(self, inputs: Tensor, samples: SampleList, view: int) -> Tensor:
        """Augment images strongly, as it was drawn for samples.

        Args:
            inputs (Tensor): Normalised images (N, 3, H, W), of the samples or mixed with others.
            samples (list[SegDataSample]): N preprocessed samples with ``strong_views``.
            view (int): Index of the view.

        Returns:
            Tensor: Normalised images of the same shape.

        Raises:
            UserError: If this view was not drawn.
        """
        drawn = [sample.get('strong_views') for sample in samples]
        if drawn[0] is None or view >= len(drawn[0].sigma):
            raise UserError(
                f'the strong view {view + 1} of the images was not drawn: end the pipeline of '
                f'their stream with PackStrongViews(views={view + 1}) in place of PackSegInputs'
            )
        names = ('factors', 'order', 'gray')
        factors, order, gray = ([row.get(name)[view] for row in drawn] for name in names)
        sigma = torch.stack([row.sigma[view] for row in drawn])
        images = strong_augmentation(self._colors(inputs), factors, order, gray, sigma)
        return self._normalized(images)

    def _colors(self, inputs: Tensor) -> Tensor:
        """RGB in [0, 1] from normalised images."""
        images = inputs * self.std + self.mean if self._enable_normalize else inputs
        images = (images / 255).clamp(0, 1)
        return images if self._rgb else images.flip(1)

    def _normalized(self, images: Tensor) -> Tensor:
        images = 255 * (images if self._rgb else images.flip(1))
        return (images - self.mean) / self.std if self._enable_normalize else images
