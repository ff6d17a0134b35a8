"""Colour jitter, grayscale and blur of a batch, with parameters of its own for each image."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.functional import rgb_to_grayscale

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


def strong_augmentation(
    images: Tensor,
    factors: Sequence[Sequence[float]],
    order: Sequence[Sequence[int]],
    gray: Sequence[bool],
    sigma: Tensor,
) -> Tensor:
    """Jitter the colours, remove them, and blur, in this order.

    What differs in kind between images is known to the host, so that each is changed only as it
    has to be, and nothing waits for the device.

    Args:
        images (Tensor): RGB, (N, 3, H, W), floats in [0, 1].
        factors (Sequence[Sequence[float]]): Of each image, see :func:`jitter_colors`.
        order (Sequence[Sequence[int]]): Of each image, see :func:`jitter_colors`.
        gray (Sequence[bool]): Which images become gray.
        sigma (Tensor): On the device of the images, see :func:`gaussian_blur`.

    Returns:
        Tensor: Same shape and range.
    """
    recolored = []
    rows = zip(images.split(1), factors, order, gray, strict=True)
    for image, own_factors, own_order, colorless in rows:
        image = jitter_colors(image, own_factors, own_order)
        recolored.append(rgb_to_grayscale(image, num_output_channels=3) if colorless else image)
    return gaussian_blur(torch.cat(recolored), sigma)


def jitter_colors(images: Tensor, factors: Sequence[float], order: Sequence[int]) -> Tensor:
    """Torchvision's ``ColorJitter`` with given parameters.

    Args:
        images (Tensor): RGB, (N, 3, H, W), floats in [0, 1].
        factors (Sequence[float]): Factors of brightness, contrast and saturation (1 changes
            nothing), and the shift of the hue in turns (0 changes nothing).
        order (Sequence[int]): Indices of ``factors`` in the order to apply them.

    Returns:
        Tensor: Same shape and range.
    """
    for step in order:
        factor = factors[step]
        if step == HUE:
            images = shift_hue(images, factor)
        elif step == BRIGHTNESS:
            images = (factor * images).clamp(0, 1)
        else:
            base = rgb_to_grayscale(images)
            base = base.mean(dim=(2, 3), keepdim=True) if step == CONTRAST else base
            images = (factor * images + (1 - factor) * base).clamp(0, 1)
    return images


def shift_hue(images: Tensor, shift: float) -> Tensor:
    """Turn the hue, as torchvision's ``adjust_hue`` does.

    Args:
        images (Tensor): RGB, (N, 3, H, W), floats in [0, 1].
        shift (float): In turns: 1 is the whole circle.

    Returns:
        Tensor: Same shape and range; value and saturation stay.
    """
    red, green, blue = images.unbind(dim=1)
    high, low = images.amax(dim=1), images.amin(dim=1)
    chroma = high - low
    divisor = torch.where(chroma > 0, chroma, 1)
    # In sixths of the circle, from red.
    hue = torch.where(
        high == red,
        (green - blue) / divisor,
        torch.where(high == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    hue = hue[:, None] + 6 * shift
    channels = [(offset + hue) % 6 for offset in (5, 3, 1)]
    distance = torch.cat([torch.minimum(k, 4 - k).clamp(0, 1) for k in channels], dim=1)
    return high[:, None] - chroma[:, None] * distance


def gaussian_blur(images: Tensor, sigma: Tensor, radius: int = 6) -> Tensor:
    """Gaussian blur with a width of its own for each image; the borders are reflected.

    Args:
        images (Tensor): (N, C, H, W); height and width must exceed the radius.
        sigma (Tensor): (N,), in pixels; 0 leaves an image as it is.
        radius (int): Pixels of the kernel on each side; three times the largest sigma.

    Returns:
        Tensor: Same shape.
    """
    number, channels, height, width = images.shape
    offsets = torch.arange(-radius, radius + 1, device=images.device)
    # At the smallest width all weights but the middle one are 0.
    kernels = (-0.5 * (offsets / sigma[:, None].clamp(min=1e-3)) ** 2).exp()
    kernels = (kernels / kernels.sum(dim=1, keepdim=True)).to(images.dtype)
    kernels = kernels.repeat_interleave(channels, dim=0)[:, None]
    padded = F.pad(images, [radius] * 4, mode='reflect').flatten(0, 1)[None]
    rows = F.conv2d(padded, kernels[:, :, None], groups=number * channels)
    blurred = F.conv2d(rows, kernels[:, :, :, None], groups=number * channels)
    return blurred.view(number, channels, height, width)
