from collections.abc import Collection
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce_params
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList, add_prefix
from torch import Tensor, nn

from ...core.errors import UnknownArgumentError, UserError
from ...core.labels import IGNORE

Batches = dict[str, dict]


@MODELS.register_module()
class StreamEncoderDecoder(EncoderDecoder):
    """An ``EncoderDecoder`` that trains on several streams at once.

    It keeps the rules that all methods with several streams share: which streams are read, mixed
    precision, gradient accumulation, averaging over processes, and the names in the log. A method
    only says what its losses are:

    .. code:: text

        data {'labeled': batch, 'unlabeled': batch}           batch: {'inputs', 'data_samples'}
          | preprocess, each stream by itself: streams may differ in batch and crop size
          v
        segmentor_losses(batches)      -> losses
          | update(optim_wrapper['segmentor'])
          v
        log

    ``predict``, the parameter names of the segmentor and so its checkpoints are those of a plain
    ``EncoderDecoder``.

    A method may use two outputs of the segmentor, its *levels*: ``main`` is the decode head and
    ``aux`` the auxiliary head.

    Args:
        **kwargs: Arguments of ``EncoderDecoder``.

    Attributes:
        streams (tuple[str]): Names of the training streams.
    """

    streams: tuple[str, ...] = ('labeled', 'unlabeled')

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        _check_head(self.decode_head)

    def train_step(self, data: Batches, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update the segmentor.

        Args:
            data (dict): One batch per stream, as the dataloaders yield them.
            optim_wrapper (OptimWrapperDict): With ``segmentor``.

        Returns:
            dict[str, Tensor]: Scalars for the log. ``loss`` is the total.
        """
        batches = self.preprocess(data)
        segmentor = optim_wrapper['segmentor']
        with segmentor.optim_context(self):
            losses, _ = self.segmentor_losses(batches, current_iteration())
        return self.update(segmentor, losses)

    def segmentor_losses(self, batches: Batches, iteration: int) -> tuple[dict[str, Tensor], Any]:
        """Losses that the segmentor minimises.

        Args:
            batches (dict): Preprocessed batches by stream: ``inputs`` (N, 3, H, W) and
                ``data_samples``.
            iteration (int): Number of finished iterations, 0 at the first one.

        Returns:
            tuple[dict, Any]: Scalars, of which those with ``loss`` in the name are summed and
            minimised, and what the updates after this one need: detached tensors in a dataclass of
            the method, or None if this is the only update.
        """
        raise NotImplementedError(f'{type(self).__name__} must implement segmentor_losses')

    def preprocess(self, data: Batches) -> Batches:
        """Normalise and pad the training batch of each stream by itself."""
        return {name: self.data_preprocessor(batch, True) for name, batch in data.items()}

    def update(self, optim_wrapper: OptimWrapper, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """One backward pass and, when enough gradients are gathered, one optimizer step.

        Gradients are averaged over the processes right before the step. Unlike wrapping modules
        in ``DistributedDataParallel`` this holds for every head of MMSeg, for several forward
        passes before one backward pass, and for parameters that a step leaves out.
        """
        loss, log = self.parse_losses(losses)
        optim_wrapper.backward(optim_wrapper.scale_loss(loss))
        if optim_wrapper.should_update():
            all_reduce_params(
                [
                    p.grad
                    for group in optim_wrapper.optimizer.param_groups
                    for p in group['params']
                    if p.grad is not None
                ],
                op='mean',
            )
            optim_wrapper.step()
            optim_wrapper.zero_grad()
        return log

    def head(self, level: str) -> nn.Module:
        """The head of a level, ``'main'`` or ``'aux'``."""
        return self.decode_head if level == 'main' else self.auxiliary_head

    def check_levels(self, levels: Collection[str]) -> None:
        """Refuse levels that this model does not have.

        Raises:
            ValueError: If there is no level, an unknown one, or ``aux`` without exactly one
                auxiliary head.
        """
        name = type(self).__name__
        if not levels or not set(levels) <= {'main', 'aux'}:
            raise UserError(
                f"{name} works on the levels 'main' (decode head) and 'aux' (auxiliary head), on "
                f'one or on both, but is given {sorted(levels)}'
            )
        if 'aux' not in levels:
            return
        head = getattr(self, 'auxiliary_head', None)
        if head is None or isinstance(head, nn.ModuleList):
            number = 'none' if head is None else f'a list of {len(head)}'
            raise UserError(
                f"{name} is to use the level 'aux', which needs exactly one auxiliary head, but "
                f'the model has {number}; set auxiliary_head=dict(...) or switch the level off'
            )
        _check_head(head)

    def logits(self, features: list[Tensor], level: str = 'main') -> Tensor:
        """Class scores of a head, (N, C, h, w), at the head's own resolution."""
        head = self.head(level)
        logits = head(features)
        if not isinstance(logits, Tensor):
            raise UnknownArgumentError(
                f'head {type(head).__name__} returns {type(logits).__name__} where '
                f'{type(self).__name__} needs one tensor of class scores'
            )
        return logits

    def supervised_losses(
        self,
        features: list[Tensor],
        logits: Tensor,
        data_samples: SampleList,
        aux_logits: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """MMSeg's losses of the decode head and, where there is one, of the auxiliary head.

        Equal to ``EncoderDecoder.loss``, without a second forward pass of a head whose scores are
        there.

        Args:
            features (list[Tensor]): Output of ``extract_feat``.
            logits (Tensor): Output of :meth:`logits` for these features.
            data_samples (list[SegDataSample]): With ground truth.
            aux_logits (Tensor, optional): The same of the level ``aux``, if it was needed anyway.

        Returns:
            dict[str, Tensor]: For example ``decode.loss_ce``, ``decode.acc_seg``.
        """
        losses = add_prefix(self.decode_head.loss_by_feat(logits, data_samples), 'decode')
        if aux_logits is not None:
            aux = self.auxiliary_head.loss_by_feat(aux_logits, data_samples)
            losses.update(add_prefix(aux, 'aux'))
        elif self.with_auxiliary_head:
            losses.update(self._auxiliary_head_forward_train(features, data_samples))
        return losses

    def upsample(self, logits: Tensor, inputs: Tensor, level: str = 'main') -> Tensor:
        """Resize class scores of a head to the size of the images they belong to."""
        return F.interpolate(
            logits,
            inputs.shape[-2:],
            mode='bilinear',
            align_corners=self.head(level).align_corners,
        )

    def labels(self, data_samples: SampleList) -> Tensor:
        """Labels of preprocessed samples, (N, H, W)."""
        return torch.stack([sample.gt_sem_seg.data[0] for sample in data_samples])

    def unlabeled_area(self, data_samples: SampleList) -> Tensor:
        """Pixels of unlabeled images that are no padding, a boolean mask (N, H, W).

        Their masks come from :class:`LoadValidMask`: 0 is image, 255 is padding, whatever value the
        head ignores among the labels of other images.
        """
        return self.labels(data_samples) != IGNORE


def current_iteration() -> int:
    """Number of finished iterations of the run, also after resuming; 0 outside of a run."""
    return MessageHub.get_current_instance().get_info('iter', 0)


def image_area(batch: dict) -> Tensor:
    """Pixels of a batch that its images had before the data preprocessor padded them.

    Args:
        batch (dict): Preprocessed for training: ``inputs`` (N, 3, H, W), and ``data_samples`` whose
            ``img_shape`` is the size before padding.

    Returns:
        Tensor: Boolean mask, (N, H, W).
    """
    area = torch.zeros_like(batch['inputs'][:, 0], dtype=torch.bool)
    for mask, sample in zip(area, batch['data_samples'], strict=True):
        height, width = sample.img_shape
        mask[:height, :width] = True
    return area


def _check_head(head: nn.Module) -> None:
    # The class scores and the losses of one forward pass are both needed, so the head must keep
    # them apart the way BaseDecodeHead does.
    name = type(head).__name__
    if not isinstance(head, BaseDecodeHead) or type(head).loss is not BaseDecodeHead.loss:
        raise UnknownArgumentError(
            f'head {name} computes its losses in a way of its own; methods with several streams '
            'need a head that inherits BaseDecodeHead.loss, such as '
            'DeepLabV2Head, FCNHead, ASPPHead, DepthwiseSeparableASPPHead or SegformerHead'
        )
    if head.out_channels != head.num_classes:
        raise UserError(
            f'head {name} has out_channels={head.out_channels} for num_classes='
            f'{head.num_classes}; methods with several streams need one score per class, so '
            'remove out_channels (two classes then mean two scores)'
        )
