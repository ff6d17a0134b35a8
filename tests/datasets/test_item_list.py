"""Lists of data items in the memory of their names."""

import os
import pickle

import pytest

from label_efficient_seg.datasets.item_list import ItemList

NAMES = ['a', '', 'folder/\u00e4 \u56fe', 'b' * 300, os.fsdecode(b'not \xff text')]
SHARED = dict(label_map={1: 0}, num_classes=2)


def plain(image: str, mask: str) -> dict:
    paths = dict(
        img_path=os.path.join('images', image), seg_map_path=os.path.join('masks', f'{mask}.png')
    )
    return dict(paths, **SHARED, seg_fields=[])


def items() -> ItemList:
    images = (f'{name}.jpg' for name in NAMES)
    return ItemList(
        dict(SHARED), img_path=('images', images, ''), seg_map_path=('masks', NAMES, '.png')
    )


def test_equals_a_list_of_dicts():
    expected = [plain(f'{name}.jpg', name) for name in NAMES]
    found = items()
    assert list(found) == expected and len(found) == len(NAMES)
    assert found[-1] == expected[-1] and found[1:4:2] == expected[1:4:2]
    assert found[:2] == expected[:2] and found[::-1] == expected[::-1]
    assert list(pickle.loads(pickle.dumps(found))) == expected
    for index in (len(NAMES), -len(NAMES) - 1):
        with pytest.raises(IndexError):
            found[index]


def test_items_have_lists_of_their_own():
    found = items()
    found[0]['seg_fields'].append('gt_seg_map')
    assert found[0]['seg_fields'] == []


def test_no_items():
    assert list(ItemList({}, img_path=('images', (), ''))) == []
    found = items()
    found.clear()
    assert len(found) == 0
