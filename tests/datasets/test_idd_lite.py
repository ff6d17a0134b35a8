import numpy as np

from label_efficient_seg.datasets import CamVidAsIDDLiteDataset, CamVidDataset, IDDLiteDataset

from .conftest import write_image, write_list, write_mask

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
# Index of IDD-Lite for Sky, Building, Pole, Road, Pavement, Tree, SignSymbol, Fence, Car,
# Pedestrian and Bicyclist.
MERGED = [6, 5, 4, 0, 1, 5, 4, 4, 3, 2, 2]


def test_classes_of_camvid_become_those_of_idd_lite(tmp_path):
    write_image(tmp_path / 'images/a.jpg', height=1, width=12)
    write_mask(tmp_path / 'labels/a.png', np.array([[*range(11), 255]], np.uint8))
    lists = write_list(tmp_path / 'train.txt', ['a'])
    arguments = dict(data_root=str(tmp_path), ann_file=lists, pipeline=PIPELINE)
    merged, whole = (
        kind(**arguments)[0]['data_samples'].gt_sem_seg.data.flatten().tolist()
        for kind in (CamVidAsIDDLiteDataset, CamVidDataset)
    )
    assert whole == [*range(11), 255]
    assert merged == [*MERGED, 255]
    assert CamVidAsIDDLiteDataset.METAINFO['classes'] == IDDLiteDataset.METAINFO['classes']
