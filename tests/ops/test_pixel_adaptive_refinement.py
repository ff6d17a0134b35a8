"""PAR against loops over pixels and neighbours in float64."""

import numpy as np
import pytest
import torch

from label_efficient_seg.ops import pixel_adaptive_refinement

DILATIONS = (1, 2, 4, 8, 12, 24)
STEPS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def loops(scores, image, iterations, dilations, sigma=0.3, weight=0.01) -> np.ndarray:
    """PAR of one image."""
    height, width = image.shape[1:]
    offsets = [(d * y, d * x) for d in dilations for y, x in STEPS]
    distances = np.array([np.sqrt(y * y + x * x) for y, x in offsets])
    of_positions = softmax(-((distances / (distances.std(ddof=1) * sigma)) ** 2))
    neighbours, weights = {}, {}
    for y, x in np.ndindex(height, width):
        neighbours[y, x] = [
            (min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)) for dy, dx in offsets
        ]
        colors = np.array([image[:, j, i] for j, i in neighbours[y, x]])
        scale = colors.std(0, ddof=1) * sigma
        differences = np.divide(
            np.abs(colors - image[:, y, x]), scale, out=np.zeros_like(colors), where=scale > 0
        )
        weights[y, x] = softmax(-(differences**2).mean(1)) + weight * of_positions
    for _ in range(iterations):
        refined = np.zeros_like(scores)
        for (y, x), places in neighbours.items():
            for (j, i), affinity in zip(places, weights[y, x], strict=True):
                refined[:, y, x] += affinity * scores[:, j, i]
        scores = refined
    return scores


@pytest.mark.parametrize('size', [(9, 14), (1, 5), (1, 1)])
@pytest.mark.parametrize('dilations', [DILATIONS, (1, 3)])
def test_against_loops(size, dilations):
    image = torch.randint(256, (2, 3, *size), dtype=torch.uint8)
    image[0, :, : size[0] // 2] = 90  # here no neighbour differs
    scores = torch.rand(2, 3, *size, dtype=torch.float64)
    found = pixel_adaptive_refinement(scores, image, 3, dilations)
    for index in range(2):
        expected = loops(scores[index].numpy(), image[index].double().numpy(), 3, dilations)
        np.testing.assert_allclose(found[index], expected, rtol=1e-6)


def test_settings():
    image, scores = torch.rand(1, 3, 6, 5).double(), torch.rand(1, 2, 6, 5).double()
    found = pixel_adaptive_refinement(scores, image, 2, (1, 2), sigma=0.7, position_weight=0.2)
    expected = loops(scores[0].numpy(), image[0].numpy(), 2, (1, 2), 0.7, 0.2)
    np.testing.assert_allclose(found[0], expected, rtol=1e-7)
    assert torch.equal(pixel_adaptive_refinement(scores, image, 0), scores)


def test_scores_reach_an_edge_of_colors_and_stop_there():
    image = torch.zeros(1, 3, 40, 40)
    image[..., 20:] = 200
    image += 10 * torch.rand(image.shape)
    right = (torch.arange(40) >= 24).float().expand(40, 40)  # four pixels too late
    found = pixel_adaptive_refinement(torch.stack([1 - right, right])[None], image)
    assert torch.equal(found[0, 1] > found[0, 0], torch.arange(40).expand(40, 40) >= 20)


def test_dtypes_constant_scores_and_gradients():
    image, scores = torch.randint(256, (1, 3, 8, 7)), torch.full((1, 2, 8, 7), 0.25)
    found = pixel_adaptive_refinement(scores.half(), image)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, scores * 1.01**10)
    small, few = image[..., :3, :4], torch.rand(1, 2, 3, 4, dtype=torch.float64)
    refine = lambda maps: pixel_adaptive_refinement(maps, small, 2, (1, 2))  # noqa: E731
    assert torch.autograd.gradcheck(refine, few.requires_grad_())


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match=r'scores of shape \(1, 2, 4, 4\) do not fit images'):
        pixel_adaptive_refinement(torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 8, 8))
