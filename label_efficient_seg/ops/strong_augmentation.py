"""Colour jitter, grayscale and blur of a batch, with parameters of its own for each image."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.functional import rgb_to_grayscale

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


def strong_augmentation(
    images: Tensor, factors: Tensor, order: Tensor, gray: Tensor, sigma: Tensor
) -> Tensor:
    """Jitter the colours, remove them, and blur, in this order.

    The parameters are tensors on the device of the images, so that nothing waits for the device.

    Args:
        images (Tensor): RGB, (N, 3, H, W), floats in [0, 1].
        factors (Tensor): See :func:`jitter_colors`.
        order (Tensor): See :func:`jitter_colors`.
        gray (Tensor): Boolean, (N,): which images become gray.
        sigma (Tensor): See :func:`gaussian_blur`.

    Returns:
        Tensor: Same shape and range.
    """
    images = jitter_colors(images, factors, order)
    gray_images = rgb_to_grayscale(images, num_output_channels=3)
    images = torch.where(gray.view(-1, 1, 1, 1), gray_images, images)
    return gaussian_blur(images, sigma)


def jitter_colors(images: Tensor, factors: Tensor, order: Tensor) -> Tensor:
    """Torchvision's ``ColorJitter`` with given parameters for each image.

    Args:
        images (Tensor): RGB, (N, 3, H, W), floats in [0, 1].
        factors (Tensor): (N, 4): factors of brightness, contrast and saturation (1 changes
            nothing), and the shift of the hue in turns (0 changes nothing).
        order (Tensor): (N, 4), int64: the columns of ``factors`` in the order to apply them.

    Returns:
        Tensor: Same shape and range.
    """
    for step in order.unbind(dim=1):
        factor = factors.gather(1, step[:, None])[:, :, None, None]
        step = step.view(-1, 1, 1, 1)
        gray = rgb_to_grayscale(images)
        base = torch.where(step == CONTRAST, gray.mean(dim=(2, 3), keepdim=True), gray)
        base = torch.where(step == BRIGHTNESS, 0, base)
        blended = (factor * images + (1 - factor) * base).clamp(0, 1)
        images = torch.where(step == HUE, shift_hue(images, factor), blended)
    return images


def shift_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue, as torchvision's ``adjust_hue`` does.

    Args:
        images (Tensor): RGB, (N, 3, H, W), floats in [0, 1].
        shift (Tensor): (N, 1, 1, 1), in turns: 1 is the whole circle.

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
