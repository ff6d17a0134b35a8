from dataclasses import dataclass

from mmengine.model import ModuleDict
from mmseg.registry import MODELS
from mmseg.utils import add_prefix
from torch import Tensor, nn

from ...ops import self_information
from .adversarial_encoder_decoder import AdversarialEncoderDecoder
from .stream_encoder_decoder import Batches, Losses, LossParts, image_area

# The label of a domain, as released. SegDiscriminator calls label 1 "real"; here it means target.
SOURCE, TARGET = False, True


@dataclass(frozen=True)
class DomainInformation:
    """What the discriminators see of the images of one domain.

    Attributes:
        maps (dict[str, Tensor]): I_l, self-information at image size by level, detached, 0 where
            images are padded, (N, C, H, W).
        valid (Tensor): Boolean mask of the pixels that are no padding, (N, H, W).
    """

    maps: dict[str, Tensor]
    valid: Tensor


@dataclass(frozen=True)
class ADVENTPredictions:
    """What the discriminators learn from.

    Attributes:
        source (DomainInformation): Of the labeled stream.
        target (DomainInformation): Of the other one.
    """

    source: DomainInformation
    target: DomainInformation


@MODELS.register_module()
class ADVENT(AdversarialEncoderDecoder):
    """Adversarial entropy minimisation for domain adaptation, on top of any ``EncoderDecoder``.

    From maps of self-information, which say how uncertain the segmentor is about each class, the
    discriminators tell source images from target images; the segmentor makes the two alike. With
    I_l the maps of the level l (``main``: decode head, ``aux``: auxiliary head) at image size and
    D_l the sigmoid output of its discriminator, for a source image x with labels y and a target
    image u::

        L_S   = CE_main(x, y) + CE_aux(x, y) + sum over l of lambda_adv_l * BCE(D_l(I_l(u)), 0)
        L_D_l = (BCE(D_l(I_l(x)), 0) + BCE(D_l(I_l(u)), 1)) / 2        0: source, 1: target

    The weight of CE_aux, 0.1 in the paper, is the ``loss_weight`` of the auxiliary head's loss.
    A level that ``discriminator`` does not name is off; the auxiliary head then keeps CE_aux. One
    optimizer owns all discriminators, which for Adam is the same as one optimizer each.

    Padded pixels are 0 in I and left out of the adversarial losses. Target images carry no labels:
    of their ``gt_sem_seg`` only the padding (255) is read, see :class:`LoadValidMask`.
    In source images ``ignore_index`` also marks objects without a class, which are image content
    and stay in I. So only what the data preprocessor adds counts as padding there: let it pad, with
    no ``Pad`` in the pipeline of the source.

    Args:
        discriminator (dict): Config of a :class:`SegDiscriminator` for each level,
            ``dict(main=dict(...), aux=dict(...))``, in the paper with ``upsample=False``. A level
            that is absent or None is off.
        lambda_adv_main (float): Weight of the adversarial loss on the decode head.
        lambda_adv_aux (float): Weight of the adversarial loss on the auxiliary head.
        **kwargs: Arguments of ``EncoderDecoder``.

    Raises:
        ValueError: If no level is on, or ``aux`` is without exactly one auxiliary head.

    Source: Vu et al., ADVENT: Adversarial Entropy Minimization for Domain Adaptation in Semantic
    Segmentation, CVPR 2019.
    """

    streams = ('source', 'target')

    def __init__(
        self,
        *,
        discriminator: dict,
        lambda_adv_main: float = 0.001,
        lambda_adv_aux: float = 0.0002,
        **kwargs,
    ) -> None:
        super().__init__(discriminator=discriminator, **kwargs)
        self.lambda_adv = dict(main=lambda_adv_main, aux=lambda_adv_aux)

    def build_discriminator(self, cfg: dict) -> nn.Module:
        """Build the discriminators by level; the model has the heads already."""
        levels = {level: of_level for level, of_level in cfg.items() if of_level is not None}
        self.check_levels(levels)
        build = super().build_discriminator
        return ModuleDict({level: build(of_level) for level, of_level in levels.items()})

    def segmentor_losses(self, batches: Batches, iteration: int) -> LossParts:
        """L_S of the class docstring; see the parent class for arguments and returns."""
        source_name, target_name = self.streams
        losses, source = self._source_losses(batches[source_name])
        yield losses
        losses, target = self._target_losses(batches[target_name])
        losses = add_prefix(losses, target_name)
        return losses, ADVENTPredictions(source, target)

    def _source_losses(self, batch: dict) -> tuple[Losses, DomainInformation]:
        features = self.extract_feat(batch['inputs'])
        losses, logits = self.supervised_losses(
            features, batch['data_samples'], levels=self.discriminator
        )
        valid = image_area(batch)
        maps = {
            level: self._information(logits[level].detach(), level, batch['inputs'], valid)
            for level in self.discriminator
        }
        return losses, DomainInformation(maps, valid)

    def _target_losses(self, batch: dict) -> tuple[Losses, DomainInformation]:
        losses = {}
        features = self.extract_feat(batch['inputs'])
        valid = self.unlabeled_area(batch['data_samples'])
        target = DomainInformation({}, valid)
        for level, discriminator in self.discriminator.items():
            seen = self._information(self.logits(features, level), level, batch['inputs'], valid)
            loss = discriminator.adversarial_loss(discriminator(seen), SOURCE, valid)
            losses[f'loss_adv_{level}'] = self.lambda_adv[level] * loss
            target.maps[level] = seen.detach()
        return losses, target

    def discriminator_losses(self, predictions: ADVENTPredictions) -> dict[str, Tensor]:
        """L_D of the class docstring; see the parent class for arguments and returns."""
        source_name, target_name = self.streams
        losses = {}
        for level, discriminator in self.discriminator.items():
            for name, domain, label in (
                (source_name, predictions.source, SOURCE),
                (target_name, predictions.target, TARGET),
            ):
                loss, accuracy = discriminator.loss([domain.maps[level]], label, [domain.valid])
                losses[f'loss_{name}_{level}'] = 0.5 * loss
                losses[f'acc_{name}_{level}'] = accuracy
        return losses

    def _information(self, logits: Tensor, level: str, inputs: Tensor, valid: Tensor) -> Tensor:
        information = self_information(self.upsample(logits, inputs, level))
        return information * valid[:, None]
