import numpy as np
import torch

from label_efficient_seg.ops import calibrated_scores, hide_labels


def test_only_shown_labels_stay():
    labels = torch.tensor([0, 1, 2, 7, 200, 255])[torch.randint(6, (2, 3, 4))]
    found = hide_labels(labels, (1, 7))
    for index in np.ndindex(2, 3, 4):
        label = int(labels[index])
        assert int(found[index]) == (label if label in (1, 7) else 255)
    assert found.dtype == labels.dtype
    assert (hide_labels(labels, (), ignore_index=9) == 9).all()


def test_bias_lowers_seen_scores():
    scores = torch.randn(2, 4, 3, 5)
    found = calibrated_scores(scores, (0, 3), 0.5)
    assert torch.equal(found[:, [1, 2]], scores[:, [1, 2]])
    torch.testing.assert_close(found[:, [0, 3]], scores[:, [0, 3]] - 0.5)
    assert torch.equal(calibrated_scores(scores, (0, 3), 0.0), scores)
