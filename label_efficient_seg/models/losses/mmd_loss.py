from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...core.errors import UserError
from .masked_mean import masked_mean

BANDWIDTHS = (2, 5, 10, 20, 40, 60)


def squared_mmd(fake: Tensor, real: Tensor, bandwidths: Sequence[float] = BANDWIDTHS) -> Tensor:
    """Biased estimate of the squared maximum mean discrepancy between two sets.

    ``mean k(f, f') + mean k(r, r') - 2 mean k(f, r)`` with the sum of Gaussian kernels
    ``k(x, y) = sum_b exp(-|x - y|^2 / (2b))``; the means include the pairs of a sample with itself.

    Args:
        fake (Tensor): Samples, shape (n, C), any float dtype.
        real (Tensor): Samples, shape (m, C).
        bandwidths (Sequence[float]): The b, which are squares of the usual bandwidths.

    Returns:
        Tensor: Scalar >= 0 up to rounding, at least float32.

    Raises:
        ValueError: If a set is empty or the sets have different numbers of channels.

    Source: Gretton et al., JMLR 2012; Li et al., Generative Moment Matching Networks, ICML 2015.
    """
    if not len(fake) or not len(real) or fake.shape[1:] != real.shape[1:]:
        raise UserError(
            'MMD compares two sets of at least one sample with equally many channels, but got '
            f'the shapes {tuple(fake.shape)} and {tuple(real.shape)}'
        )
    dtype = torch.promote_types(torch.promote_types(fake.dtype, real.dtype), torch.float32)
    # Autocast would round the products to half precision.
    with torch.autocast(fake.device.type, enabled=False):
        samples = torch.cat([fake.to(dtype), real.to(dtype)])
        # Distances do not change, but the products that cancel each other get small.
        samples = samples - samples.detach().mean(dim=0)
        lengths = samples.square().sum(dim=1)
        distances = lengths[:, None] + lengths - 2 * samples @ samples.T
        kernel = sum((distances / (-2 * b)).exp() for b in bandwidths)
        weights = torch.cat([
            samples.new_full((len(fake),), 1 / len(fake)),
            samples.new_full((len(real),), -1 / len(real)),
        ])  # fmt: skip
        return weights @ kernel @ weights


@MODELS.register_module()
class MMDLoss(nn.Module):
    """Maximum mean discrepancy between generated and real features of the same class.

    The mean of ``sqrt(MMD^2 / 2)`` over the groups, each of which is the pixels of one class in
    one image. The factor 1/2 is that of the released code. There, however, a group is a run of
    consecutive pixels of one class in raster order, and a short run says little of a distribution.

    Args:
        bandwidths (Sequence[float]): See :func:`squared_mmd`.
        max_samples (int, optional): A larger group is represented by so many of its pixels, drawn
            anew each time, which makes the cost linear in the size of the image. None for all
            pixels, at a cost that grows with the square.
        loss_weight (float): Factor of the whole loss.
        ignore_index (int): Label of pixels without a class.

    Raises:
        ValueError: If there is no bandwidth above 0, or ``max_samples`` is below 2.

    Source: Bucher et al., ZS3Net, NeurIPS 2019; Cheng et al., SIGN, ICCV 2021.
    """

    def __init__(
        self,
        bandwidths: Sequence[float] = BANDWIDTHS,
        max_samples: int | None = 512,
        loss_weight: float = 1.0,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        if not bandwidths or min(bandwidths) <= 0:
            raise UserError(f'MMDLoss needs bandwidths above 0, got {bandwidths!r}')
        if max_samples is not None and max_samples < 2:
            raise UserError(
                f'max_samples of MMDLoss is {max_samples}; give at least 2, or None for all pixels'
            )
        self.bandwidths = tuple(bandwidths)
        self.max_samples = max_samples
        self.loss_weight = loss_weight
        self.ignore_index = ignore_index

    def forward(self, fake: Tensor, real: Tensor, labels: Tensor) -> Tensor:
        """Mean discrepancy over images and classes.

        Args:
            fake (Tensor): Generated features, (N, C, H, W), any float dtype.
            real (Tensor): Real features, same shape; detach them to train the generator only.
            labels (Tensor): Class indices, (N, H, W).

        Returns:
            Tensor: Scalar, at least float32; 0 with zero gradient if no pixel has a class.
        """
        values = [
            self._discrepancy(fake_features[:, pixels].T, real_features[:, pixels].T)
            for fake_features, real_features, groups in zip(
                fake.flatten(2), real.flatten(2), self._groups(labels.flatten(1)), strict=True
            )
            for pixels in groups
        ]
        if not values:
            # A value that does not count keeps the graph, and all processes communicate alike.
            unused = fake.flatten()[:1]
            return masked_mean(unused, torch.zeros_like(unused))
        groups = torch.stack(values)
        return self.loss_weight * masked_mean(groups, torch.ones_like(groups))

    def _groups(self, labels: Tensor) -> list[list[Tensor]]:
        """Of each image, the indices of the pixels of each class, or of some of them."""
        ordered, order = labels.sort(dim=1, stable=True)
        images = []
        # The sizes of the groups are what the host has to wait for, once for all images.
        for image_labels, pixels in zip(ordered.cpu(), order, strict=True):
            classes, counts = image_labels.unique_consecutive(return_counts=True)
            groups = zip(classes.tolist(), pixels.split(counts.tolist()), strict=True)
            images.append([self._drawn(group) for c, group in groups if c != self.ignore_index])
        return images

    def _drawn(self, pixels: Tensor) -> Tensor:
        if self.max_samples is None or len(pixels) <= self.max_samples:
            return pixels
        order = torch.randperm(len(pixels), device=pixels.device)
        return pixels[order[: self.max_samples]]

    def _discrepancy(self, fake: Tensor, real: Tensor) -> Tensor:
        squared = squared_mmd(fake, real, self.bandwidths) / 2
        # At 0 the root has no slope, and what is smaller than this is rounding.
        rounding = len(self.bandwidths) * torch.finfo(squared.dtype).eps
        positive = squared > rounding
        return torch.where(positive, torch.where(positive, squared, 1).sqrt(), 0 * squared)
