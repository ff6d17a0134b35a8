import numpy as np
import pytest
import torch

from label_efficient_seg.ops import normalize_cams, with_background


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.float16])
def test_each_map_is_divided_by_its_own_maximum(dtype):
    cams = torch.rand(2, 3, 5, 4, dtype=torch.float64).to(dtype) * 7
    cams[1, 2] = 0
    found = normalize_cams(cams)
    assert found.dtype == torch.promote_types(dtype, torch.float32)
    for image, results in zip(cams.double().numpy(), found.numpy(), strict=True):
        for cam, result in zip(image, results, strict=True):
            np.testing.assert_allclose(result, cam / (cam.max() + 1e-5), rtol=1e-6)
    assert found.max() < 1 and not found[1, 2].any()


def test_no_class():
    empty = torch.zeros(2, 0, 3, 4)
    assert normalize_cams(empty).shape == (2, 0, 3, 4)
    assert torch.equal(with_background(empty, 16), torch.ones(2, 1, 3, 4))


@pytest.mark.parametrize('alpha', [1, 4, 16.5])
def test_background_pixel_by_pixel(alpha):
    cams = torch.rand(2, 3, 4, 5)
    cams[0, :, 0, 0], cams[0, 1, 0, 1] = 0, 1
    found = with_background(cams, alpha)
    assert found.shape == (2, 4, 4, 5) and torch.equal(found[:, 1:], cams)
    for n in range(2):
        for y in range(4):
            for x in range(5):
                expected = (1 - max(float(cams[n, c, y, x]) for c in range(3))) ** alpha
                assert float(found[n, 0, y, x]) == pytest.approx(expected, rel=1e-5)
    assert found[0, 0, 0, 0] == 1 and found[0, 0, 0, 1] == 0


@pytest.mark.parametrize('alpha', [0, -4])
def test_powers_that_are_not_positive(alpha):
    with pytest.raises(ValueError, match=f'must be positive, but is {alpha}'):
        with_background(torch.rand(1, 2, 3, 3), alpha)
