from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class SegDiscriminator(BaseModule):
    """A discriminator of dense maps with everything its losses need around it.

    It owns what is easily done differently in two places: which label means real, which pixels
    count, which GAN loss is used, and how the network's coarse logits reach the image size.

    Args:
        network (dict): The network, for example ``dict(type='FCDiscriminator', in_channels=21)``.
            It maps (N, C, H, W) to logits (N, 1, h, w).
        loss_adv (dict): The GAN loss, ``dict(type='AdversarialLoss', mode='bce' | 'lsgan')``.
        upsample (bool): Resize the logits bilinearly to the input size, so that each pixel is
            judged. Otherwise the masks of valid pixels are resized to the logits.
        align_corners (bool): Of the bilinear resize.
        init_cfg (dict, optional): Initialisation.
    """

    def __init__(
        self,
        network: dict,
        loss_adv: dict | None = None,
        upsample: bool = True,
        align_corners: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.network = MODELS.build(network)
        self.loss_adv = MODELS.build(loss_adv or dict(type='AdversarialLoss'))
        self.upsample = upsample
        self.align_corners = align_corners

    def forward(self, maps: Tensor) -> Tensor:
        """Judge maps.

        Args:
            maps (Tensor): Class probabilities or one-hot labels, (N, C, H, W).

        Returns:
            Tensor: Logits of being real, (N, 1, H, W), or the network's own size without
            ``upsample``.
        """
        logits = self.network(maps)
        if self.upsample:
            logits = F.interpolate(
                logits, maps.shape[-2:], mode='bilinear', align_corners=self.align_corners
            )
        return logits

    def confidence(self, logits: Tensor) -> Tensor:
        """Belief in [0, 1] that each pixel is real, without gradient.

        Args:
            logits (Tensor): Output of :meth:`forward`.

        Returns:
            Tensor: Same shape.
        """
        return self.loss_adv.probability(logits.detach())

    def adversarial_loss(self, logits: Tensor, real: bool, valid: Tensor | None = None) -> Tensor:
        """GAN loss of one batch of logits against one label.

        Args:
            logits (Tensor): Output of :meth:`forward`, (N, 1, h, w).
            real (bool): The label that the loss pulls towards.
            valid (Tensor, optional): Boolean mask of the pixels that count, (N, H, W).

        Returns:
            Tensor: Scalar mean over the valid pixels; 0 when there is none.
        """
        valid = None if valid is None else self._at_size_of(logits, valid)
        return self.loss_adv(logits, real, valid)

    def loss(
        self, maps: Sequence[Tensor], real: bool, valid: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Loss and accuracy of the discriminator on batches that share one label.

        Args:
            maps (Sequence[Tensor]): Batches, each (N_i, C, H_i, W_i); sizes may differ.
            real (bool): Whether they are real.
            valid (Sequence[Tensor]): Boolean masks of the pixels that count, each (N_i, H_i, W_i).

        Returns:
            tuple[Tensor, Tensor]: The scalar mean loss over all valid pixels of all batches, and
            the share of these pixels that is judged correctly, in percent.
        """
        logits = [self(m) for m in maps]
        masks = [self._at_size_of(x, v) for x, v in zip(logits, valid, strict=True)]
        flat_logits = torch.cat([x.flatten() for x in logits])
        flat_valid = torch.cat([v.flatten() for v in masks])
        with torch.no_grad():
            correct = (flat_logits > self.loss_adv.boundary) == real
            accuracy = 100 * (correct & flat_valid).sum() / flat_valid.sum().clamp(min=1)
        return self.loss_adv(flat_logits, real, flat_valid), accuracy

    def _at_size_of(self, logits: Tensor, valid: Tensor) -> Tensor:
        valid = valid[:, None]
        if valid.shape[-2:] != logits.shape[-2:]:
            valid = F.interpolate(valid.float(), logits.shape[-2:], mode='nearest').bool()
        return valid
