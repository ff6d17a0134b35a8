import math

import numpy as np
import pytest
import torch

from label_efficient_seg.ops import annealed_weights, highest_share, pseudo_labels


@pytest.mark.parametrize('temperature', [0, 1, 7.5])
@pytest.mark.parametrize('share', [0, 0.1, 0.7, 1])
def test_weights_equal_loops(temperature, share):
    confidence = torch.rand(3, 4, 5, dtype=torch.float64)
    pseudo = torch.rand(3, 4, 5) < share
    pseudo[2] = False
    found = annealed_weights(confidence, pseudo, temperature)
    for n, y, x in np.ndindex(3, 4, 5):
        expected = 1.0
        if pseudo[n, y, x]:
            highest = max(float(p) for p in confidence[n][pseudo[n]])
            expected = math.exp(temperature * (float(confidence[n, y, x]) - highest))
        assert float(found[n, y, x]) == pytest.approx(expected, abs=1e-12)


def test_confident_pixels_with_ground_truth_do_not_lower_the_weights():
    confidence = torch.tensor([[[0.9, 0.3, 0.1]]])
    pseudo = torch.tensor([[[False, True, True]]])
    torch.testing.assert_close(
        annealed_weights(confidence, pseudo, 10), torch.tensor([[[1.0, 1.0, math.exp(-2)]]])
    )


def test_labels_and_confidence_equal_loops():
    scores = 3 * torch.randn(2, 6, 4, 5)
    labels = torch.randint(0, 6, (2, 4, 5))
    pseudo = torch.rand(2, 4, 5) < 0.5
    found, confidence = pseudo_labels(scores, labels, pseudo, (1, 4, 5))
    for n, y, x in np.ndindex(2, 4, 5):
        values = [math.exp(float(s)) for s in scores[n, :, y, x]]
        best = max((1, 4, 5), key=lambda c, values=values: values[c])
        expected = best if pseudo[n, y, x] else labels[n, y, x]
        assert found[n, y, x] == expected
        assert float(confidence[n, y, x]) == pytest.approx(values[best] / sum(values), abs=1e-6)
    assert found.dtype == torch.int64


def test_half_precision_gives_float32_confidence():
    scores = torch.randn(1, 3, 2, 2).half()
    pseudo = torch.ones(1, 2, 2, dtype=torch.bool)
    _, confidence = pseudo_labels(scores, torch.zeros(1, 2, 2, dtype=torch.long), pseudo, [2])
    assert confidence.dtype == torch.float32
    assert torch.equal(confidence, scores.float().softmax(1)[:, 2])


@pytest.mark.parametrize('share', [0.01, 0.25, 0.7, 1])
def test_highest_share_equals_a_sorted_list(share):
    confidence, valid = torch.rand(2, 6, 7), torch.rand(2, 6, 7) < 0.6
    found = highest_share(confidence, valid, share)
    pixels = [tuple(map(int, p)) for p in valid.nonzero()]
    pixels.sort(key=lambda p: -float(confidence[p]))
    expected = pixels[: math.ceil(share * len(pixels))]
    assert sorted(tuple(map(int, p)) for p in found.nonzero()) == sorted(expected)


def test_no_valid_pixel_gives_an_empty_share():
    assert not highest_share(torch.rand(1, 2, 3), torch.zeros(1, 2, 3).bool(), 0.5).any()
