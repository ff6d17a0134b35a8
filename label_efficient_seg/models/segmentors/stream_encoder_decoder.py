from collections.abc import Collection, Generator
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList, add_prefix
from torch import Tensor, nn

from ...core.errors import UserError
from ...core.gradient_average import averaged_gradients
from ...core.labels import IGNORE
from ...core.stack_internals import copy_without_waiting, uncounted, will_update
from ...ops import class_scores
from ..losses import LossPart, head_losses
from .cascade_head import CascadeHead
from .decoding import check_binary, check_kind, check_losses, decode, map_tensors

Batches = dict[str, dict]
Losses = dict[str, Tensor]
LossParts = Generator[Losses, None, tuple[Losses, Any]]


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
        segmentor_losses(batches)      -> losses, of one stream after the other
          | update(optim_wrapper['segmentor'])
          v
        log

    ``predict``, the parameter names of the segmentor and so its checkpoints are those of a plain
    ``EncoderDecoder``.

    A method may use two outputs of the segmentor, its *levels*: ``main`` is the decode head and
    ``aux`` the auxiliary head. Of each it takes the head's own losses, and one map of class scores,
    those that the head predicts: what it returns or, if it returns several tensors in training,
    what its layer ``conv_seg`` gives.

    Args:
        decode_head (dict | list[dict]): Config of the decode head, or of the heads of a cascade as
            ``CascadeEncoderDecoder`` has them, see :class:`CascadeHead`. A binary head with
            ``out_channels=1`` counts as two classes, see :func:`class_scores`.
        num_stages (int, optional): Number of heads of a cascade, as in MMSeg's configs.
        **kwargs: Other arguments of ``EncoderDecoder``.

    Attributes:
        streams (tuple[str]): Names of the training streams.
        optimizers (tuple[str]): Names of the optimizers that a train step updates.
    """

    streams: tuple[str, ...] = ('labeled', 'unlabeled')
    optimizers: tuple[str, ...] = ('segmentor',)

    def __init__(
        self, *, decode_head: dict | list[dict], num_stages: int | None = None, **kwargs
    ) -> None:
        stages = len(decode_head) if isinstance(decode_head, (list, tuple)) else 1
        if num_stages not in (None, stages):
            raise UserError(
                f'num_stages is {num_stages}, but decode_head has {stages} configs; give one '
                'config for each stage'
            )
        # Before anything is built: a mask classifier may have more that is unknown here.
        if not isinstance(decode_head, (list, tuple)):
            check_kind(decode_head['type'])
        super().__init__(decode_head=decode_head, **kwargs)
        check_binary(self.decode_head)
        copy_without_waiting(self.data_preprocessor)

    def _init_decode_head(self, decode_head: dict | list[dict]) -> None:
        if isinstance(decode_head, (list, tuple)):
            self.decode_head = CascadeHead(decode_head)
            self.align_corners = self.decode_head.align_corners
            self.num_classes = self.decode_head.num_classes
            self.out_channels = self.decode_head.out_channels
        else:
            super()._init_decode_head(decode_head)
            check_losses(self.decode_head)

    def train_step(self, data: Batches, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update the segmentor.

        Args:
            data (dict): One batch per stream, as the dataloaders yield them.
            optim_wrapper (OptimWrapperDict): With ``segmentor``.

        Returns:
            dict[str, Tensor]: Scalars for the log. ``loss`` is the total.
        """
        log, _ = self.update_segmentor(optim_wrapper['segmentor'], self.preprocess(data))
        return log

    def segmentor_losses(self, batches: Batches, iteration: int) -> tuple[Losses, Any] | LossParts:
        """Losses that the segmentor minimises.

        What it yields goes backward at once, so that the images of one stream need no memory while
        those of the next are computed; what it returns are the last losses. Gradients add up: the
        sum of all losses is minimised. A function that yields nothing does as well.

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

    def check_schedule(self, max_iters: int) -> None:
        """Refuse settings of iterations that a training does not reach.

        Args:
            max_iters (int): Iterations of the training.

        Raises:
            ValueError: If a part of the method would have no effect.
        """

    def preprocess(self, data: Batches) -> Batches:
        """Normalise and pad the training batch of each stream by itself."""
        return {name: self.data_preprocessor(batch, True) for name, batch in data.items()}

    def update_segmentor(
        self, optim_wrapper: OptimWrapper, batches: Batches
    ) -> tuple[dict[str, Tensor], Any]:
        """:meth:`update` by :meth:`segmentor_losses`.

        Args:
            optim_wrapper (OptimWrapper): Of the segmentor.
            batches (dict): Preprocessed batches by stream.

        Returns:
            tuple[dict, Any]: Scalars for the log, of which ``loss`` is the sum of all losses, and
            what the updates after this one need.
        """
        with optim_wrapper.optim_context(self):
            found = self.segmentor_losses(batches, current_iteration())
        log: dict[str, Tensor] = {}
        while isinstance(found, Generator):
            try:
                with optim_wrapper.optim_context(self):
                    losses = next(found)
            except StopIteration as end:
                found = end.value
            else:
                loss, values = self.parse_losses(losses)
                with uncounted(optim_wrapper):
                    optim_wrapper.backward(optim_wrapper.scale_loss(loss))
                log = added(log, values)
        losses, rest = found
        return added(log, self.update(optim_wrapper, losses)), rest

    def update(self, optim_wrapper: OptimWrapper, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """One backward pass and, when enough gradients are gathered, one optimizer step.

        Gradients are averaged over the processes during the last backward pass before the step.
        Unlike wrapping modules in ``DistributedDataParallel`` this holds for every head of MMSeg,
        for several forward passes before one backward pass, and for parameters that a step leaves
        out.
        """
        loss, log = self.parse_losses(losses)
        loss = optim_wrapper.scale_loss(loss)
        if not will_update(optim_wrapper):
            optim_wrapper.backward(loss)
            return log
        groups = optim_wrapper.optimizer.param_groups
        with averaged_gradients(p for group in groups for p in group['params']):
            optim_wrapper.backward(loss)
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
        check_kind(type(head))
        check_binary(head)

    def logits(self, features: list[Tensor], level: str = 'main') -> Tensor:
        """Class scores of a head, (N, C, h, w), at a resolution of its own."""
        return self._decode(features, level)[1]

    def loss_parts(self, features: list[Tensor]) -> list[LossPart]:
        """Class scores of the decode head that a loss compares with labels, and where.

        One part for most heads; several with shares that sum to 1 for an :class:`HRDAHead`.
        """
        outputs, logits = self._decode(features, 'main')
        if hasattr(self.decode_head, 'loss_parts'):
            return self.decode_head.loss_parts(outputs)
        return [LossPart(1.0, logits, (...,))]

    def supervised_losses(
        self,
        features: list[Tensor],
        data_samples: SampleList,
        levels: Collection[str] = ('main',),
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """MMSeg's losses of all heads, and the class scores of the same forward pass.

        The losses are equal to those of ``EncoderDecoder.loss``.

        Args:
            features (list[Tensor]): Output of ``extract_feat`` for N images.
            data_samples (list[SegDataSample]): With ground truth, of the first images. The others
                have no part in the losses.
            levels (Collection[str]): Levels whose class scores are wanted.

        Returns:
            tuple[dict, dict]: Losses, for example ``decode.loss_ce``, ``decode.acc_seg``, and class
            scores (N, C, h, w) by level.
        """

        def labeled(tensor: Tensor) -> Tensor:
            return tensor[: len(data_samples)]

        outputs, main = self._decode(features, 'main')
        outputs = map_tensors(labeled, outputs)
        logits = dict(main=main)
        if isinstance(self.decode_head, CascadeHead):
            losses = self.decode_head.losses(outputs, data_samples, self.train_cfg)
        else:
            losses = add_prefix(head_losses(self.decode_head, outputs, data_samples), 'decode')
        if 'aux' in levels:
            outputs, logits['aux'] = self._decode(features, 'aux')
            own = head_losses(self.auxiliary_head, map_tensors(labeled, outputs), data_samples)
            losses.update(add_prefix(own, 'aux'))
        elif self.with_auxiliary_head:
            features = map_tensors(labeled, features)
            losses.update(self._auxiliary_losses(features, data_samples))
        return losses, logits

    def _auxiliary_losses(
        self, features: list[Tensor], data_samples: SampleList
    ) -> dict[str, Tensor]:
        """Losses of all auxiliary heads, which may be of any kind."""
        several = isinstance(self.auxiliary_head, nn.ModuleList)
        losses: dict[str, Tensor] = {}
        for index, head in enumerate(self.auxiliary_head if several else [self.auxiliary_head]):
            if type(head).loss is BaseDecodeHead.loss:
                own = head_losses(head, head(features), data_samples)
            else:
                own = head.loss(features, data_samples, self.train_cfg)
            losses.update(add_prefix(own, f'aux_{index}' if several else 'aux'))
        return losses

    def _decode(self, features: list[Tensor], level: str) -> tuple[Any, Tensor]:
        """What a head returns in training, and the class scores that it predicts."""
        head = self.head(level)
        if isinstance(head, CascadeHead):
            outputs, logits = head.decode(features, self.test_cfg)
        else:
            outputs, logits = decode(head, features)
        return outputs, class_scores(logits) if head.out_channels == 1 else logits

    def upsample(self, logits: Tensor, inputs: Tensor, level: str = 'main') -> Tensor:
        """Resize class scores of a head to the size of the images they belong to.

        In float32 also under autocast: half precision would leave steps between the pixels.
        """
        return F.interpolate(
            logits.to(torch.promote_types(logits.dtype, torch.float32)),
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


def added(log: dict[str, Tensor], values: dict[str, Tensor]) -> dict[str, Tensor]:
    """The log of several backward passes; ``loss`` is their sum."""
    return {**log, **values, 'loss': log.get('loss', 0) + values['loss']}


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
