"""Masks of class activation maps as they are."""

import numpy as np
import pytest

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets.files.class_maps import write_class_maps
from label_efficient_seg.datasets.transforms import LoadCAMMask


def item(path, height: int = 4, width: int = 5) -> dict:
    return dict(img=np.zeros((height, width, 3)), seg_map_path=str(path), seg_fields=[])


def test_the_strongest_class_or_the_background_wins(tmp_path):
    rng = np.random.default_rng(0)
    cams = rng.random((2, 4, 5)).astype(np.float16)
    write_class_maps(tmp_path / 'a.npz', [3, 7], run='one', cam=cams)
    found = LoadCAMMask(alpha=2).transform(item(tmp_path / 'a.npz'))
    expected = np.zeros((4, 5), int)
    for row in range(4):
        for column in range(5):
            one, two = cams[:, row, column].astype(float)
            scores = {0: (1 - max(one, two)) ** 2, 3: one, 7: two}
            expected[row, column] = max(scores, key=scores.get)
    assert found['gt_seg_map'].tolist() == expected.tolist()
    assert set(np.unique(expected)) == {0, 3, 7}
    assert found['seg_fields'] == ['gt_seg_map']


def test_without_a_class_all_is_background(tmp_path):
    write_class_maps(tmp_path / 'a.npz', [], run='one', cam=np.zeros((0, 4, 5), np.float16))
    found = LoadCAMMask().transform(item(tmp_path / 'a.npz'))
    assert not found['gt_seg_map'].any()


def test_what_is_no_cam_of_the_image_is_refused(tmp_path):
    maps = np.zeros((1, 4, 5), np.float16)
    write_class_maps(tmp_path / 'a.npz', [3], run='one', cam=maps)
    write_class_maps(tmp_path / 'b.npz', [0], run='one', low=maps, high=maps)
    for name, size in (('a', (6, 5)), ('b', (4, 5))):
        with pytest.raises(UserError, match='holds no CAMs of the size'):
            LoadCAMMask().transform(item(tmp_path / f'{name}.npz', *size))
    with pytest.raises(UserError, match='alpha of LoadCAMMask must be positive'):
        LoadCAMMask(alpha=0)
