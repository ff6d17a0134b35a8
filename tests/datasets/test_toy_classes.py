"""Classes of the toy dataset that are merged or left out by ``metainfo.classes``."""

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.datasets import ToyDataset
from label_efficient_seg.datasets.toy import CLASSES, PALETTE

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]


def labels_of(classes: tuple[str, ...] | None, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels in memory, and those of the file."""
    metainfo = dict(classes=classes) if classes else None
    dataset = ToyDataset(split='val', metainfo=metainfo, pipeline=PIPELINE)
    file = np.asarray(Image.open(dataset.get_data_info(index)['seg_map_path']))
    return dataset[index]['data_samples'].gt_sem_seg.data[0].numpy(), file


@pytest.mark.parametrize(
    ('classes', 'members'),
    [
        (
            ('background', 'striped', 'dotted', 'checked'),
            [('background',), ('striped-disc', 'striped-ring'), ('dotted-disc', 'dotted-ring'),
             ('checked-disc', 'checked-ring')],
        ),
        (
            ('ring', 'background'),
            [('striped-ring', 'dotted-ring', 'checked-ring'), ('background',)],
        ),
        (('checked-ring', 'disc'), [('checked-ring',), CLASSES[1:4]]),
    ],
)  # fmt: skip
def test_attributes_stand_for_their_classes(classes, members):
    for index in range(6):
        found, file = labels_of(classes, index)
        expected = np.full_like(file, 255)
        for new, names in enumerate(members):
            for name in names:
                expected[file == CLASSES.index(name)] = new
        np.testing.assert_array_equal(found, expected)


def test_colours_are_those_of_the_first_member():
    dataset = ToyDataset(split='val', metainfo=dict(classes=('dotted', 'ring', 'background')[::2]))
    assert dataset.metainfo['palette'] == [list(PALETTE[2]), list(PALETTE[0])]
    assert ToyDataset(split='val').metainfo['palette'] == [list(color) for color in PALETTE]


def test_all_classes_are_left_as_they_are():
    found, file = labels_of(CLASSES, 0)
    np.testing.assert_array_equal(found, file)


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (('background', 'stripes'), "unknown toy class 'stripes'.*striped-disc"),
        (('striped', 'disc'), "class 'striped-disc' belongs to both 'striped' and 'disc'"),
        (('background', 'background'), "'background' belongs to both"),
    ],
)
def test_wrong_classes_are_named(classes, message):
    with pytest.raises(ValueError, match=message):
        ToyDataset(split='val', metainfo=dict(classes=classes))
