"""Refinements by name, against the functions behind them."""

import pytest
import torch

from label_efficient_seg.job_settings import REFINEMENTS
from label_efficient_seg.ops import (
    dense_crf,
    pixel_adaptive_refinement,
    refine_by_image,
    score_refinement,
)


@pytest.fixture
def scores():
    return torch.rand(1, 3, 6, 8)


@pytest.fixture
def image():
    return torch.randint(256, (1, 3, 6, 8), dtype=torch.uint8)


def test_crf_and_none(scores, image):
    expected = dense_crf(scores.clamp(min=1e-5).log(), image)
    assert torch.equal(refine_by_image(scores, image, 'crf'), expected)
    assert torch.equal(refine_by_image(scores, image, 'none'), scores)


def test_par_sees_blocks_of_two_by_two_pixels(scores, image):
    def blocks(maps):
        return maps.float().view(1, 3, 3, 2, 4, 2).mean((3, 5))

    small = pixel_adaptive_refinement(blocks(scores), blocks(image))
    found = refine_by_image(scores, image, 'par')
    # Pixel (3, 3) is a quarter of a block behind the middle of block (1, 1).
    near, far = small[..., 1, 1:3], small[..., 2, 1:3]
    expected = (3 * (3 * near + far)[..., 0] + (3 * near + far)[..., 1]) / 16
    torch.testing.assert_close(found[..., 3, 3], expected)
    assert refine_by_image(scores[..., :5, :1], image[..., :5, :1], 'par').shape == (1, 3, 5, 1)


def test_settings_and_functions_have_the_same_names(scores, image):
    assert tuple(score_refinement.REFINEMENTS) == REFINEMENTS
    with pytest.raises(ValueError, match="no refinement 'carf'; did you mean 'crf'"):
        refine_by_image(scores, image, 'carf')
