"""The inverse of a pooling against loops over windows."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from label_efficient_seg.ops import max_unpool

# Even, odd in one or both directions, and smaller than a window.
SIZES = [(6, 8), (7, 8), (6, 5), (9, 11), (1, 4), (1, 1)]


def loop_pool(x: np.ndarray, kernel_size: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Window by window: (N, C, H, W) to maxima and their positions."""
    *shape, height, width = x.shape
    rows, columns = -(-height // kernel_size), -(-width // kernel_size)
    maxima = np.empty((*shape, rows, columns), x.dtype)
    switches = np.empty(maxima.shape, np.int64)
    for n, c, i, j in np.ndindex(maxima.shape):
        best = None
        for y in range(i * kernel_size, min((i + 1) * kernel_size, height)):
            for z in range(j * kernel_size, min((j + 1) * kernel_size, width)):
                if best is None or x[n, c, y, z] > x[n, c, best[0], best[1]]:
                    best = y, z
        maxima[n, c, i, j] = x[n, c, best[0], best[1]]
        switches[n, c, i, j] = best[0] * width + best[1]
    return maxima, switches


def loop_unpool(x: np.ndarray, switches: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Value by value: (N, C, h, w) to (N, C, *size)."""
    out = np.zeros((*x.shape[:2], *size), x.dtype)
    for n, c, i, j in np.ndindex(x.shape):
        y, z = divmod(switches[n, c, i, j], size[1])
        out[n, c, y, z] = x[n, c, i, j]
    return out


def rectified(*shape: int) -> Tensor:
    """Features as a ReLU gives them: most windows have several zeros, some nothing else."""
    return torch.randn(shape).sub(0.5).relu()


@pytest.fixture(params=[False, True], ids=['fast', 'deterministic'], autouse=True)
def deterministic(request) -> Iterator[None]:
    torch.use_deterministic_algorithms(request.param)
    yield
    torch.use_deterministic_algorithms(False)


def pool(x: Tensor) -> tuple[Tensor, Tensor]:
    return F.max_pool2d(x, 2, ceil_mode=True, return_indices=True)


@pytest.mark.parametrize('size', SIZES)
def test_against_loops(size):
    x = rectified(2, 3, *size)
    maxima, switches = pool(x)
    expected, positions = loop_pool(x.numpy())
    np.testing.assert_array_equal(maxima, expected)
    np.testing.assert_array_equal(switches, positions)
    values = torch.randn(maxima.shape)
    found = max_unpool(values, switches, size)
    np.testing.assert_array_equal(found, loop_unpool(values.numpy(), positions, size))
    # Nothing is lost, and pooling undoes unpooling.
    assert found.count_nonzero() == values.numel()
    torch.testing.assert_close(pool(max_unpool(maxima, switches, size))[0], maxima)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_dtypes(dtype):
    x = torch.randn(1, 2, 5, 7).mul(100).to(dtype)
    maxima, switches = pool(x)
    found = max_unpool(maxima, switches, (5, 7))
    assert found.dtype == dtype
    pooled = loop_pool(x.double().numpy())
    np.testing.assert_array_equal(found.double(), loop_unpool(*pooled, (5, 7)))


def test_gradients():
    x = torch.randn(2, 2, 5, 7, dtype=torch.float64, requires_grad=True)
    switches = pool(x)[1]
    values = torch.randn(2, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: max_unpool(v, switches, (5, 7)), values)
    assert torch.autograd.gradcheck(lambda t: max_unpool(*pool(t), (5, 7)), x)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu_gives_the_same():
    results = []
    for device in ('cpu', 'cuda'):
        torch.manual_seed(0)
        x = rectified(2, 3, 37, 50).to(device).requires_grad_()
        maxima, switches = pool(x)
        unpooled = max_unpool(maxima, switches, (37, 50))
        unpooled.square().sum().backward()
        results.append([t.detach().cpu() for t in (switches, unpooled, x.grad)])
    for found, expected in zip(*results, strict=True):
        assert torch.equal(found, expected)


def test_switches_of_another_map_are_refused():
    _, switches = pool(torch.randn(1, 2, 6, 6))
    with pytest.raises(ValueError, match=r'values are \(1, 2, 2, 2\) and the switches \(1, 2, 3,'):
        max_unpool(torch.randn(1, 2, 2, 2), switches, (6, 6))
