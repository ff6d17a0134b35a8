from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from ...core.errors import UserError
from ...ops import affinity_labels, pairwise_affinities, random_walk, valid_pairs


@MODELS.register_module()
class AffinityNet(BaseModel):
    """Learns how alike neighbouring pixels are, and refines CAMs by a random walk along it.

    ::

        images -> backbone -> decode_head -> features on a grid of every stride-th pixel
                                                |
                          affinities W of pairs nearer than the radius
                             |                               |
        training: the loss says which pairs       `refine`: T = D^-1 W^(beta),
        are of one class, by `gt_sem_seg`         T^t of the scores

    It is trained as a plain model with one stream, whose masks come from ``AffinityTarget``: class
    indices on the grid, 255 where the CAMs leave doubt.

    Args:
        backbone (dict): Config of the backbone, which returns the levels that the head takes.
        decode_head (dict): Config of an :class:`AffinityHead`.
        loss (dict): Config of an :class:`AffinityLoss`.
        radius (int): Pairs are nearer than this, in pixels of the grid.
        reduction (str): ``'mean'`` or ``'sum'`` of the differences over the channels, see
            :func:`pairwise_affinities`.
        beta (float): Power of the affinities in the walk.
        steps (int): Length of the walk.
        border (str): Which pairs there are, in training and in the walk: ``'complete'`` or
            ``'reference'``, see :func:`valid_pairs`.
        stride (int): Pixels of the image per pixel of the grid.
        data_preprocessor (dict, optional): Config of the ``SegDataPreProcessor``.
        init_cfg (dict, optional): Initialisation.

    Raises:
        ValueError: If ``border`` is unknown or ``radius`` below 2.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    #: What its prediction needs that a plain ``EncoderDecoder`` lacks.
    not_publishable = 'class activation maps, which it refines'

    def __init__(
        self,
        backbone: dict,
        decode_head: dict,
        loss: dict | None = None,
        radius: int = 5,
        reduction: str = 'mean',
        beta: float = 8.0,
        steps: int = 256,
        border: str = 'complete',
        stride: int = 8,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        valid_pairs((2 * radius, 2 * radius), radius, border)  # raises before any training
        self.backbone = MODELS.build(backbone)
        self.decode_head = MODELS.build(decode_head)
        self.affinity_loss = MODELS.build(loss or dict(type='AffinityLoss'))
        self.radius, self.reduction, self.border = radius, reduction, border
        self.beta, self.steps, self.stride = beta, steps, stride

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[SegDataSample] = (),
        mode: str = 'tensor',
    ) -> Tensor | dict[str, Tensor]:
        """The affinities, or the losses.

        Args:
            inputs (Tensor): Preprocessed images, (N, 3, H, W).
            data_samples (Sequence[SegDataSample], optional): For ``'loss'``, with ``gt_sem_seg``.
            mode (str): ``'tensor'`` or ``'loss'``.

        Returns:
            Tensor | dict[str, Tensor]: See :meth:`affinities` and :meth:`loss`.

        Raises:
            ValueError: In the mode ``'predict'``, as affinities alone are no prediction.
        """
        if mode == 'tensor':
            return self.affinities(inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        raise UserError(
            'AffinityNet predicts no classes by itself; refine CAMs with '
            'les masks, or with CAMRefinementHook in a test of the CAM model'
        )

    def loss(self, images: Tensor, data_samples: Sequence[SegDataSample]) -> dict[str, Tensor]:
        """Loss of the affinities of a batch.

        Args:
            images (Tensor): (N, 3, H, W).
            data_samples (Sequence[SegDataSample]): With class indices on the grid.

        Returns:
            dict[str, Tensor]: The three parts of :class:`AffinityLoss`.

        Raises:
            ValueError: If the labels are not on the grid.
        """
        labels = torch.cat([sample.gt_sem_seg.data for sample in data_samples])
        grid = self._grid(images)
        if labels.shape[1:] != grid:
            raise UserError(
                f'images of {_size(images)} have a grid of {grid[0]} x {grid[1]}, but the labels '
                f'have {_size(labels)} (height x width); a pipeline for AffinityNet pads images to '
                f'the crop_size of AffinityTarget, with its stride={self.stride}'
            )
        pairs = affinity_labels(labels, self.radius, self.border)
        return self.affinity_loss(self.affinities(images), *pairs)

    def affinities(self, images: Tensor) -> Tensor:
        """Affinities of neighbouring pixels of the grid.

        Args:
            images (Tensor): (N, 3, H, W), of any size; padded with zeros, the mean colour, to a
                multiple of the stride.

        Returns:
            Tensor: At least float32, (N, K, h, w); see :func:`pairwise_affinities`.
        """
        levels = self.backbone(self._pad(images))
        features = self.decode_head(levels, self._grid(images))
        return pairwise_affinities(features, self.radius, self.reduction)

    def refine(self, images: Tensor, scores: Tensor) -> Tensor:
        """Scores after the random walk.

        The walk is on the grid: scores are averaged down to it, and brought back bilinearly.

        Args:
            images (Tensor): Preprocessed, (N, 3, H, W).
            scores (Tensor): CAMs, background included, (N, 1 + C, H, W).

        Returns:
            Tensor: At least float32, (N, 1 + C, H, W).

        Raises:
            ValueError: If scores and images differ in size, or ``border='reference'`` leaves no
                pair of a small image.
        """
        if scores.shape[2:] != images.shape[2:]:
            raise UserError(
                f'scores of {_size(scores)} do not fit images of {_size(images)} (height x width)'
            )
        scores = self._pad(scores.to(torch.promote_types(scores.dtype, torch.float32)))
        walked = random_walk(
            F.avg_pool2d(scores, self.stride),
            self.affinities(images),
            self.beta,
            self.steps,
            self.radius,
            self.border,
        )
        walked = F.interpolate(walked, scores.shape[2:], mode='bilinear', align_corners=False)
        return walked[..., : images.shape[2], : images.shape[3]]

    def _pad(self, maps: Tensor) -> Tensor:
        height, width = maps.shape[2:]
        return F.pad(maps, (0, -width % self.stride, 0, -height % self.stride))

    def _grid(self, images: Tensor) -> tuple[int, int]:
        height, width = images.shape[2:]
        return -(-height // self.stride), -(-width // self.stride)


def _size(maps: Tensor) -> str:
    return f'{maps.shape[-2]} x {maps.shape[-1]}'
