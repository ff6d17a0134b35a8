from collections.abc import Mapping
from typing import Any

import torch
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor

from ...core.errors import UserError
from ...ops import as_boxes, crop_boxes, paste_scores, prepare_boxes
from ...ops.proposal_aggregation import MAX, SUM
from .crf_refinement import complete_crf, original_colors, refine_scores

PROPOSAL_SETTINGS: dict[str, Any] = dict(
    num_proposals=50,
    aggregation=MAX,
    batch_size=8,
    enlarge=1.2,
    crop_size=(224, 224),
    min_size=0,
    antialias=True,
)


@MODELS.register_module()
class ProposalEncoderDecoder(EncoderDecoder):
    """Segments the boxes around possible objects, and puts the score maps together.

    ::

        proposals, best first -> enlarged, cut at the borders -> the first num_proposals
                                                                   |  batch_size at a time
        scores of the image <- max or sum <- resized back <- network <- resized to crop_size
               |
               v
        softmax -> CRF, with crf=dict()

    Pixels in no box have zeros for all classes, and so are the first class, the background. A
    proposal that is no longer needed leaves nothing behind: memory does not depend on their number.
    Training and weights are those of ``EncoderDecoder``.

    The images come with ``proposals`` in their meta information, boxes (P, 4) in pixels of the
    image's file, as ``LoadProposals`` reads them. Released boxes reach beyond the image, where it
    is black; here they are cut, as the crops of the training are.

    ``test_cfg`` with ``mode='proposal'`` has these settings; ``crf`` goes with any mode::

        num_proposals=50        boxes per image
        aggregation='max'       or 'sum', see paste_scores
        batch_size=8            boxes per forward pass
        enlarge=1.2             factor of width and height of a box
        crop_size=(224, 224)    height and width of what the network sees
        min_size=0              leave out enlarged boxes whose shorter side is less; 112 in the
                                released code
        antialias=True          average when a box is shrunk, as MATLAB's imresize in the released
                                code; False: interpolate between the nearest pixels only
        crf=None                settings of dense_crf that differ from the released ones, which
                                are crf=dict()

    Args:
        *args: Those of MMSeg's ``EncoderDecoder``.
        **kwargs: Likewise.

    Raises:
        ValueError: If a setting is unknown or out of range.

    Source: Noh et al., Learning Deconvolution Network, ICCV 2015, section 4.3.
    """

    #: What its prediction needs that a plain ``EncoderDecoder`` lacks.
    not_publishable = 'proposals and the CRF'

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        test_cfg = self.test_cfg or {}
        self.crf = complete_crf(test_cfg.get('crf'))
        self.by_proposals = test_cfg.get('mode') == 'proposal'
        if self.by_proposals:
            self._set_up(test_cfg)

    def inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Class scores of images, in the mode of ``test_cfg``.

        Args:
            inputs (Tensor): Preprocessed images, shape (N, 3, H, W).
            batch_img_metas (list[dict]): Their meta information.

        Returns:
            Tensor: Class scores, shape (N, num_classes, H, W); after a CRF, log probabilities.

        Raises:
            ValueError: If the mode is ``'proposal'`` and an image has no list of proposals, or one
                that cannot be read.
        """
        if self.by_proposals:
            scores = self.proposal_inference(inputs, batch_img_metas)
        else:
            scores = super().inference(inputs, batch_img_metas)
        if self.crf is not None:
            for image, score, meta in zip(inputs, scores, batch_img_metas, strict=True):
                content, region = _content(image, meta), _content(score, meta)
                # Where no class has any score, the CRF has nothing to go by.
                if region.any():
                    colors = original_colors(content, self.data_preprocessor)
                    region.copy_(refine_scores(region, colors, self.crf))
        return scores

    @torch.no_grad()
    def proposal_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Class scores of images from those of their proposals.

        Args:
            inputs (Tensor): Preprocessed images, shape (N, 3, H, W).
            batch_img_metas (list[dict]): Their meta information, with ``proposals``.

        Returns:
            Tensor: Class scores, float32, shape (N, num_classes, H, W); zeros where no box is.

        Raises:
            ValueError: If an image has no list of proposals, or one that cannot be read.
        """
        totals = inputs.new_zeros(
            (len(inputs), self.out_channels, *inputs.shape[2:]), dtype=torch.float32
        )
        size, antialias = tuple(self.settings['crop_size']), self.settings['antialias']
        crop_meta = dict(ori_shape=size, img_shape=size, pad_shape=size)
        for image, total, meta in zip(inputs, totals, batch_img_metas, strict=True):
            image, total = _content(image, meta), _content(total, meta)
            boxes = self.boxes_of(meta, (image.shape[1], image.shape[2]))
            for start in range(0, len(boxes), self.settings['batch_size']):
                part = boxes[start : start + self.settings['batch_size']]
                crops = crop_boxes(image, part, size, antialias)
                scores = self.encode_decode(crops, [crop_meta] * len(part))
                paste_scores(total, scores, part, self.settings['aggregation'], antialias)
        return totals

    def boxes_of(self, meta: Mapping[str, Any], size: tuple[int, int]) -> Tensor:
        """The boxes of an image that the network is to see.

        Args:
            meta (Mapping): Meta information of the image, with ``proposals``.
            size (tuple[int, int]): Height and width of the image as the model has it.

        Returns:
            Tensor: Boxes in pixels of that image, see :func:`prepare_boxes`.

        Raises:
            ValueError: If there is no list of proposals, or it cannot be read.
        """
        name = meta.get('img_path')
        if meta.get('proposals') is None:
            raise UserError(
                f"test_cfg has mode='proposal', but image '{name}' comes without proposals: put "
                "LoadProposals into the pipeline and 'proposals' into the meta_keys of "
                "PackSegInputs, or set mode='whole'"
            )
        try:
            boxes = as_boxes(meta['proposals'])
        except ValueError as error:
            raise UserError(f"image '{name}': {error}") from error
        height, width = meta.get('ori_shape', size)[:2]
        scale = boxes.new_tensor([size[1] / width, size[0] / height] * 2)
        return prepare_boxes(
            _flip(boxes, height, width, meta) * scale,
            size,
            self.settings['enlarge'],
            self.settings['min_size'],
            self.settings['num_proposals'],
        )

    def _set_up(self, test_cfg: Mapping[str, Any]) -> None:
        # A config that changes another mode keeps the settings of that.
        known = {*PROPOSAL_SETTINGS, 'mode', 'crf', 'stride'}
        if unknown := test_cfg.keys() - known:
            raise UserError(
                f"test_cfg with mode='proposal' has no {sorted(unknown)[0]!r}; there are "
                f'{", ".join(PROPOSAL_SETTINGS)} and crf'
            )
        given = {key: test_cfg[key] for key in PROPOSAL_SETTINGS if key in test_cfg}
        self.settings = PROPOSAL_SETTINGS | given
        for key in ('num_proposals', 'batch_size', 'enlarge'):
            if self.settings[key] < 1:
                raise UserError(
                    f'{key} of test_cfg must be at least 1, but is {self.settings[key]}'
                )
        if self.settings['aggregation'] not in (MAX, SUM):
            raise UserError(
                f"aggregation of test_cfg must be '{MAX}' or '{SUM}', but is "
                f'{self.settings["aggregation"]!r}'
            )
        if self.out_channels < 2:
            raise UserError(
                'proposals are put together on maps of zeros, which is the background only among '
                'two or more classes; set num_classes=2 and out_channels=2'
            )


def _content(maps: Tensor, meta: Mapping[str, Any]) -> Tensor:
    """The part of a map, shape (C, H, W), that the data preprocessor has not padded."""
    padding = meta.get('img_padding_size', meta.get('padding_size', [0] * 4))
    left, right, top, bottom = padding
    return maps[:, top : maps.shape[1] - bottom, left : maps.shape[2] - right]


def _flip(boxes: Tensor, height: int, width: int, meta: Mapping[str, Any]) -> Tensor:
    """Boxes (P, 4) of an image that was mirrored after they were made."""
    if not meta.get('flip'):
        return boxes
    x1, y1, x2, y2 = boxes.T
    if meta.get('flip_direction') == 'vertical':
        return torch.stack([x1, height - y2, x2, height - y1], dim=1)
    return torch.stack([width - x2, y1, width - x1, y2], dim=1)
