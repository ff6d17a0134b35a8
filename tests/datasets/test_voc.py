import numpy as np
import pytest

from label_efficient_seg.datasets import VOCAnimalDataset

from .conftest import write_image, write_list, write_mask

# Classes of VOC in the order of its masks; see its development kit.
ANIMALS = {3: 'bird', 8: 'cat', 10: 'cow', 12: 'dog', 13: 'horse', 17: 'sheep'}


def test_animals_are_one_class_and_all_other_objects_void(tmp_path):
    write_image(tmp_path / 'JPEGImages/a.jpg', height=1, width=22)
    write_mask(tmp_path / 'masks/a.png', np.array([[*range(21), 255]], np.uint8))
    dataset = VOCAnimalDataset(
        data_root=str(tmp_path),
        data_prefix=dict(seg_map_path='masks'),
        ann_file=write_list(tmp_path / 'train.txt', ['a']),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadCheckedAnnotations')],
    )
    labels = dataset[0]['gt_seg_map'].flatten().tolist()
    expected = [0, *(1 if value in ANIMALS else 255 for value in range(1, 21)), 255]
    assert labels == expected
    with pytest.raises(ValueError, match='background and animal'):
        VOCAnimalDataset(metainfo=dict(classes=['cat']), pipeline=[], lazy_init=True)
