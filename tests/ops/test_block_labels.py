import numpy as np
import torch

from label_efficient_seg.ops import block_labels


def test_equals_a_loop_over_blocks():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (2, 4, 5)).repeat(4, 1).repeat(4, 2)
    noise = random.random(labels.shape) < 0.25
    labels[noise] = random.choice([0, 1, 2, 255], noise.sum())
    found = block_labels(torch.from_numpy(labels), 3, (4, 5))
    for n in range(2):
        for i in range(4):
            for j in range(5):
                block = labels[n, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
                classes = [c for c in range(3) if (block == c).sum() >= 12]
                assert found[n, i, j] == (classes[0] if classes else 255)
    assert 0.1 < (found == 255).float().mean() < 0.9


def test_share_is_of_all_pixels_and_its_limit_is_enough():
    labels = torch.tensor([[[1, 1], [1, 255]], [[1, 1], [255, 255]]])
    assert block_labels(labels, 2, (1, 1)).flatten().tolist() == [1, 255]


def test_sizes_that_are_no_multiple():
    labels = torch.zeros(1, 7, 10, dtype=torch.long)
    assert block_labels(labels, 2, (3, 4)).eq(0).all()
