from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.optim import OptimWrapperDict
from mmseg.registry import MODELS
from mmseg.utils import add_prefix
from torch import Tensor, nn

from .stream_encoder_decoder import Batches, StreamEncoderDecoder


@MODELS.register_module()
class AdversarialEncoderDecoder(StreamEncoderDecoder):
    """An ``EncoderDecoder`` that trains against a discriminator on several streams at once.

    To the rules of :class:`StreamEncoderDecoder` it adds those of adversarial training: the order
    of the updates, and which network is frozen during each of them.

    .. code:: text

        data {'labeled': batch, 'unlabeled': batch}           batch: {'inputs', 'data_samples'}
          | preprocess, each stream by itself: streams may differ in batch and crop size
          v
        segmentor_losses(batches, iteration) -> losses of one stream after the other, predictions
          | update(optim_wrapper['segmentor'])                  discriminator frozen
          v
        discriminator_losses(predictions)    -> losses                predictions are detached
          | update(optim_wrapper['discriminator'])
          v
        log

    Args:
        discriminator (dict): Config of a :class:`SegDiscriminator`. Its network's ``in_channels``
            defaults to the number of classes.
        **kwargs: Arguments of ``EncoderDecoder``.
    """

    optimizers = ('segmentor', 'discriminator')

    def __init__(self, *, discriminator: dict, **kwargs) -> None:
        super().__init__(**kwargs)
        self.discriminator = self.build_discriminator(discriminator)

    def build_discriminator(self, cfg: dict) -> nn.Module:
        """Build one discriminator of maps with a channel for each class."""
        network = dict(cfg['network'])
        network.setdefault('in_channels', self.num_classes)
        return MODELS.build(dict(cfg, network=network))

    def train_step(self, data: Batches, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update the segmentor, then the discriminator.

        Args:
            data (dict): One batch per stream, as the dataloaders yield them.
            optim_wrapper (OptimWrapperDict): With ``segmentor`` and ``discriminator``.

        Returns:
            dict[str, Tensor]: Scalars for the log. ``loss`` is the segmentor's total; whatever
            belongs to the discriminator starts with ``discriminator.``.
        """
        batches = self.preprocess(data)
        segmentor, discriminator = optim_wrapper['segmentor'], optim_wrapper['discriminator']

        with frozen(self.discriminator):
            log, predictions = self.update_segmentor(segmentor, batches)

        with discriminator.optim_context(self):
            losses = self.discriminator_losses(predictions)
        log.update(add_prefix(self.update(discriminator, losses), 'discriminator'))
        return log

    def discriminator_losses(self, predictions: Any) -> dict[str, Tensor]:
        """Losses that the discriminator minimises.

        Args:
            predictions (Any): What :meth:`segmentor_losses` returned, during which the
                discriminator's parameters were frozen.

        Returns:
            dict[str, Tensor]: Scalars, of which those with ``loss`` in the name are minimised.
        """
        raise NotImplementedError(f'{type(self).__name__} must implement discriminator_losses')


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
