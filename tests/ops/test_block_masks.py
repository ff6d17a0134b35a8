import pytest
import torch

from label_efficient_seg.ops import block_masks


@pytest.mark.parametrize('size', [(8, 12), (9, 13), (3, 30)])
def test_every_block_is_kept_or_masked_as_a_whole(size):
    masks = block_masks(torch.zeros(5, 3, *size), 4, 0.5)
    assert masks.shape == (5, 1, *size) and masks.dtype == torch.bool
    for image in masks[:, 0]:
        for y in range(size[0]):
            for x in range(size[1]):
                assert image[y, x] == image[y // 4 * 4, x // 4 * 4]


def test_ratio_is_the_share_of_masked_blocks():
    images = torch.zeros(20, 1, 64, 64)
    torch.manual_seed(0)
    for ratio in (0.0, 0.3, 0.7, 1.0):
        masked = 1 - block_masks(images, 4, ratio).float().mean().item()
        assert masked == pytest.approx(ratio, abs=0.03 if 0 < ratio < 1 else 0)
