import pytest
import torch

from label_efficient_seg.jobs.image_loop import reproducible, spread


def test_kernels_are_chosen_for_equal_results_and_set_back():
    before = torch.get_num_threads(), torch.backends.cudnn.benchmark
    torch.set_num_threads(2)
    torch.backends.cudnn.benchmark = True
    try:
        with reproducible():
            assert torch.get_num_threads() == 1
            assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark
        assert torch.get_num_threads() == 2
        assert torch.backends.cudnn.benchmark and not torch.backends.cudnn.deterministic
    finally:
        torch.set_num_threads(before[0])
        torch.backends.cudnn.benchmark = before[1]


@pytest.mark.parametrize(
    ('number', 'count', 'expected'),
    [(1, 8, [0]), (3, 8, [0, 1, 2]), (9, 3, [0, 4, 8]), (100, 1, [0]), (10, 4, [0, 3, 6, 9])],
)
def test_indices_at_equal_distances(number, count, expected):
    assert spread(number, count) == expected
