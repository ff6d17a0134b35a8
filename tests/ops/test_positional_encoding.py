import math

import numpy as np
import pytest
import torch

from label_efficient_seg.ops import positional_encoding


def loop_encoding(channels: int, height: int, width: int, length: float | None) -> np.ndarray:
    """Value by value."""
    result = np.zeros((channels, height, width))
    d = channels // 2
    for i, j, k in np.ndindex(height, width, d // 2):
        x, y = float(j), float(i)
        if length is not None:
            x = (length - 1) * j / (width - 1) if width > 1 else 0.0
            y = (length - 1) * i / (height - 1) if height > 1 else 0.0
        w = 10000 ** (-2 * k / d)
        result[2 * k, i, j], result[2 * k + 1, i, j] = math.sin(x * w), math.cos(x * w)
        result[d + 2 * k, i, j], result[d + 2 * k + 1, i, j] = math.sin(y * w), math.cos(y * w)
    return result


@pytest.mark.parametrize('length', [512, 33.5, None])
@pytest.mark.parametrize(
    'size', [(4, 1, 1), (4, 5, 7), (12, 3, 1), (8, 1, 6), (24, 47, 47), (600, 6, 11)]
)
def test_against_loop(size, length):
    found = positional_encoding(*size, length=length)
    assert found.dtype == torch.float32 and found.shape == size
    np.testing.assert_allclose(found.numpy(), loop_encoding(*size, length), atol=1e-7)


def test_relative_positions_do_not_depend_on_the_size():
    small, large = positional_encoding(8, 5, 9), positional_encoding(8, 9, 17)
    torch.testing.assert_close(small, large[:, ::2, ::2])
    absolute = positional_encoding(8, 9, 17, length=None)
    assert torch.equal(positional_encoding(8, 5, 9, length=None), absolute[:, :5, :9])
    # Where the map has the reference length, the two agree.
    relative = positional_encoding(8, 9, 9, length=9)
    torch.testing.assert_close(relative, absolute[:, :, :9])


def test_default_length_is_that_of_the_release():
    assert torch.equal(positional_encoding(4, 3, 3), positional_encoding(4, 3, 3, length=512))


@pytest.mark.parametrize('channels', [0, -4, 2, 6, 601])
def test_channels_must_be_a_multiple_of_four(channels):
    with pytest.raises(ValueError, match=f'multiple of 4 channels, .* got {channels}$'):
        positional_encoding(channels, 3, 3)
