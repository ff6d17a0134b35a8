"""Masks of random blocks, for masked image consistency."""

import torch
from torch import Tensor


def block_masks(images: Tensor, block_size: int, ratio: float) -> Tensor:
    """Draw which blocks of each image stay, on a grid that starts at the top left corner.

    Each block stays with probability ``1 - ratio``, drawn from PyTorch's global generator.

    Args:
        images (Tensor): (N, C, H, W); only its shape and device matter.
        block_size (int): Side of a block in pixels. Blocks at the right and bottom edge are cut off
            where the size is no multiple of it.
        ratio (float): Share of the blocks to mask, in [0, 1].

    Returns:
        Tensor: Boolean, (N, 1, H, W); False where the image is masked. Multiply normalised images
        with it: masked pixels then have the mean colour.

    Source: Hoyer et al., MIC: Masked Image Consistency, CVPR 2023.
    """
    number, _, height, width = images.shape
    grid = (-(-height // block_size), -(-width // block_size))
    kept = torch.rand((number, 1, *grid), device=images.device) >= ratio
    kept = kept.repeat_interleave(block_size, dim=2).repeat_interleave(block_size, dim=3)
    return kept[:, :, :height, :width]
