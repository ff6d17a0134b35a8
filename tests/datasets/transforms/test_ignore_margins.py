import numpy as np

from label_efficient_seg.datasets.transforms import IgnoreMargins


def test_rows_at_both_ends():
    mask = np.arange(20, dtype=np.uint8).reshape(5, 4)
    found = IgnoreMargins(top=1, bottom=2)(dict(gt_seg_map=mask.copy()))['gt_seg_map']
    assert (found[[0, 3, 4]] == 255).all()
    assert (found[1:3] == mask[1:3]).all()


def test_no_margins():
    mask = np.zeros((3, 2), np.uint8)
    assert not IgnoreMargins()(dict(gt_seg_map=mask))['gt_seg_map'].any()


def test_all_four_sides():
    mask = np.zeros((6, 9), np.uint8)
    found = IgnoreMargins(top=1, bottom=2, left=3, right=1)(dict(gt_seg_map=mask))['gt_seg_map']
    expected = np.full((6, 9), 255)
    expected[1:4, 3:8] = 0
    assert (found == expected).all()
