from collections.abc import Iterator
from contextlib import contextmanager

import torch.nn.functional as F
from mmengine.dist import all_reduce_params
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList, add_prefix
from torch import Tensor, nn

Batches = dict[str, dict]


@MODELS.register_module()
class AdversarialEncoderDecoder(EncoderDecoder):
    """An ``EncoderDecoder`` that trains against a discriminator on several streams at once.

    It keeps the rules that all adversarial methods share: which streams are read, who is frozen
    while whom moves, the order of the updates, mixed precision, gradient accumulation, averaging
    over processes, and the names in the log. A method only says what its losses are:

    .. code:: text

        data {'labeled': batch, 'unlabeled': batch}           batch: {'inputs', 'data_samples'}
          | data_preprocessor, each stream by itself: streams may differ in batch and crop size
          v
        segmentor_losses(batches)      -> losses, predictions     discriminator frozen
          | update(optim_wrapper['segmentor'])
          v
        discriminator_losses(predictions) -> losses               predictions are detached
          | update(optim_wrapper['discriminator'])
          v
        log

    ``predict``, the parameter names of the segmentor and so its checkpoints are those of a plain
    ``EncoderDecoder``.

    Args:
        discriminator (dict): Config of a :class:`SegDiscriminator`. Its network's ``in_channels``
            defaults to the number of classes.
        **kwargs: Arguments of ``EncoderDecoder``.

    Attributes:
        branches (tuple[str]): Names of the training streams.
    """

    branches: tuple[str, ...] = ('labeled', 'unlabeled')

    def __init__(self, *, discriminator: dict, **kwargs) -> None:
        super().__init__(**kwargs)
        _check_head(self.decode_head)
        network = dict(discriminator['network'])
        network.setdefault('in_channels', self.num_classes)
        self.discriminator = MODELS.build(dict(discriminator, network=network))

    def train_step(self, data: Batches, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update the segmentor, then the discriminator.

        Args:
            data (dict): One batch per stream, as the dataloaders yield them.
            optim_wrapper (OptimWrapperDict): With ``segmentor`` and ``discriminator``.

        Returns:
            dict[str, Tensor]: Scalars for the log. ``loss`` is the segmentor's total; whatever
            belongs to the discriminator starts with ``discriminator.``.
        """
        batches = {name: self.data_preprocessor(batch, True) for name, batch in data.items()}
        segmentor, discriminator = optim_wrapper['segmentor'], optim_wrapper['discriminator']

        with frozen(self.discriminator), segmentor.optim_context(self):
            losses, predictions = self.segmentor_losses(batches, segmentor.inner_count)
        log = self.update(segmentor, losses)

        with discriminator.optim_context(self):
            losses = self.discriminator_losses(predictions)
        log.update(add_prefix(self.update(discriminator, losses), 'discriminator'))
        return log

    def segmentor_losses(
        self, batches: Batches, iteration: int
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Losses that move the segmentor. The discriminator's parameters are frozen meanwhile.

        Args:
            batches (dict): Preprocessed batches by stream: ``inputs`` (N, 3, H, W) and
                ``data_samples``.
            iteration (int): Number of finished iterations, 0 at the first one.

        Returns:
            tuple[dict, dict]: Scalars, of which those with ``loss`` in the name are summed and
            minimised, and the detached tensors that :meth:`discriminator_losses` needs.
        """
        raise NotImplementedError(f'{type(self).__name__} must implement segmentor_losses')

    def discriminator_losses(self, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses that move the discriminator.

        Args:
            predictions (dict[str, Tensor]): As returned by :meth:`segmentor_losses`.

        Returns:
            dict[str, Tensor]: Scalars, of which those with ``loss`` in the name are minimised.
        """
        raise NotImplementedError(f'{type(self).__name__} must implement discriminator_losses')

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

    def logits(self, features: list[Tensor]) -> Tensor:
        """Class scores of the decode head, (N, C, h, w), at the head's own resolution."""
        logits = self.decode_head(features)
        if not isinstance(logits, Tensor):
            raise TypeError(
                f'decode head {type(self.decode_head).__name__} returns '
                f'{type(logits).__name__} where adversarial methods need one tensor '
                'of class scores'
            )
        return logits

    def supervised_losses(
        self, features: list[Tensor], logits: Tensor, data_samples: SampleList
    ) -> dict[str, Tensor]:
        """MMSeg's losses of the decode head and, where there is one, of the auxiliary head.

        Equal to ``EncoderDecoder.loss``, without a second forward pass of the decode head.

        Args:
            features (list[Tensor]): Output of ``extract_feat``.
            logits (Tensor): Output of :meth:`logits` for these features.
            data_samples (list[SegDataSample]): With ground truth.

        Returns:
            dict[str, Tensor]: For example ``decode.loss_ce``, ``decode.acc_seg``.
        """
        losses = add_prefix(self.decode_head.loss_by_feat(logits, data_samples), 'decode')
        if self.with_auxiliary_head:
            losses.update(self._auxiliary_head_forward_train(features, data_samples))
        return losses

    def upsample(self, logits: Tensor, inputs: Tensor) -> Tensor:
        """Resize class scores to the size of the images they belong to."""
        return F.interpolate(
            logits, inputs.shape[-2:], mode='bilinear', align_corners=self.align_corners
        )


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Build graphs through modules without gradients for their parameters."""
    trainable = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


def _check_head(head: nn.Module) -> None:
    # The class scores and the losses of one forward pass are both needed, so the head must keep
    # them apart the way BaseDecodeHead does.
    if not isinstance(head, BaseDecodeHead) or type(head).loss is not BaseDecodeHead.loss:
        raise TypeError(
            f'decode head {type(head).__name__} computes its losses in a way of its own; '
            'adversarial methods need a head that inherits BaseDecodeHead.loss, such as '
            'DeepLabV2Head, FCNHead, ASPPHead, DepthwiseSeparableASPPHead or SegformerHead'
        )
    if head.out_channels != head.num_classes:
        raise ValueError(
            f'decode head {type(head).__name__} has out_channels={head.out_channels} for '
            f'num_classes={head.num_classes}; adversarial methods need one score per class, so '
            'remove out_channels (two classes then mean two scores)'
        )
