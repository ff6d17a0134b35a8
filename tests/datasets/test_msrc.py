import numpy as np
import pytest

from label_efficient_seg.datasets import (
    MSRC21Dataset,
    MSRCPersonDataset,
    load_class_embeddings,
)

from .conftest import write_image, write_list, write_mask

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
# The classes of the masks in their order, by the list that comes with the data.
FILES = (
    'building grass tree cow horse sheep sky mountain aeroplane water face car bicycle flower sign '
    'bird book chair road cat dog body boat'
).split()


def names(kind, tmp_path, **kwargs):
    """Class names that a dataset gives to a mask with all values, void as None."""
    write_image(tmp_path / 'images/a.jpg', height=1, width=24)
    write_mask(tmp_path / 'labels/a.png', np.array([[*range(23), 255]], np.uint8))
    lists = write_list(tmp_path / 'train.txt', ['a'])
    dataset = kind(data_root=str(tmp_path), ann_file=lists, pipeline=PIPELINE, **kwargs)
    labels = dataset[0]['data_samples'].gt_sem_seg.data.flatten().tolist()
    return [None if label == 255 else dataset.metainfo['classes'][label] for label in labels]


def test_msrc21_leaves_out_two_classes(tmp_path):
    expected = [None if name in ('horse', 'mountain') else name for name in FILES]
    assert names(MSRC21Dataset, tmp_path) == [*expected, None]


def test_face_and_body_are_a_person(tmp_path):
    classes = dict(horse=None, mountain=None, face='person', body='person')
    expected = [classes.get(name, name) for name in FILES]
    assert names(MSRCPersonDataset, tmp_path) == [*expected, None]


def test_classes_may_be_left_out(tmp_path):
    kept = ['dog', 'grass']
    expected = [name if name in kept else None for name in FILES]
    assert names(MSRC21Dataset, tmp_path, metainfo=dict(classes=kept)) == [*expected, None]
    with pytest.raises(ValueError, match="'person' is no class of MSRC21Dataset"):
        MSRC21Dataset(metainfo=dict(classes=['person']), pipeline=[], lazy_init=True)


@pytest.mark.parametrize('kind', [MSRC21Dataset, MSRCPersonDataset])
def test_each_class_has_a_color_of_its_own(kind):
    colors = {tuple(color) for color in kind.METAINFO['palette']}
    assert len(colors) == len(kind.METAINFO['classes']) == len(kind.METAINFO['palette'])


def test_each_class_has_a_word_vector():
    vectors = load_class_embeddings('context_word2vec', MSRCPersonDataset.METAINFO['classes'])
    assert vectors.shape == (20, 300)
