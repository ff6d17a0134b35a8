import numpy as np
import pytest
from mmseg.datasets import PascalVOCDataset

from label_efficient_seg.datasets.files.class_embeddings import write_class_embeddings
from label_efficient_seg.datasets.files.zero_shot_classes import zero_shot_classes
from label_efficient_seg.datasets.toy import ATTRIBUTES, CLASSES

SPLIT = dict(unseen=['striped-disc'])


def test_dataset_name_and_class_names_are_alike():
    found = zero_shot_classes('ToyDataset', SPLIT, 'toy', len(CLASSES))
    listed = zero_shot_classes(list(CLASSES), SPLIT, 'toy', len(CLASSES))
    assert found.names == listed.names == tuple(CLASSES)
    assert found.split == listed.split and found.split.unseen == (1,)
    lengths = np.linalg.norm(ATTRIBUTES, axis=1, keepdims=True)
    np.testing.assert_allclose(found.vectors, ATTRIBUTES / lengths, rtol=1e-6)


def test_names_of_a_dataset_of_mmseg(tmp_path):
    names = PascalVOCDataset.METAINFO['classes']
    write_class_embeddings(tmp_path / 'voc.npz', names, np.eye(21))
    found = zero_shot_classes('PascalVOCDataset', 'voc_15_5', tmp_path / 'voc.npz', 21)
    assert found.names == tuple(names) and found.split.ignored == (0,)
    assert [names[label] for label in found.split.unseen] == [
        'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor',
    ]  # fmt: skip


def test_vectors_from_a_file(tmp_path):
    write_class_embeddings(tmp_path / 'own.npz', ['b', 'a'], np.array([[0, 2.0], [3, 4]]))
    found = zero_shot_classes(['a', 'b'], dict(unseen=['b']), tmp_path / 'own.npz', 2)
    np.testing.assert_allclose(found.vectors, [[0.6, 0.8], [0, 1]], rtol=1e-6)


@pytest.mark.parametrize(
    ('classes', 'num_classes', 'message'),
    [
        ('NoSuchDataset', 7, "classes='NoSuchDataset' is no registered dataset"),
        ('ConcatDataset', 7, "classes='ConcatDataset' is no registered dataset"),
        ('ToyDataset', 6, '7 names.*num_classes=6'),
        (['a', 'a'], 2, 'repeated'),
    ],
)
def test_bad_classes_are_named(classes, num_classes, message):
    split = dict(unseen=['a']) if isinstance(classes, list) else SPLIT
    with pytest.raises(ValueError, match=message):
        zero_shot_classes(classes, split, 'toy', num_classes)
