import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.datasets import ImageLabelDataset, StreamDataLoader, transforms
from label_efficient_seg.datasets.files.image_ids import image_ids
from label_efficient_seg.datasets.files.masks import MaskError

from .conftest import VOC_IDS, random_mask, write_mask

LOAD = dict(type='LoadImageFromFile')
CLASSIFY = [LOAD, dict(type='mmpretrain.PackInputs')]
SPEC = dict(num_train=1, num_val=12, num_target_train=1, num_target_val=1)
META = ('img_path', 'seg_map_path', 'image_labels')
SEGMENT = [LOAD, dict(type='LoadCheckedAnnotations'), dict(type='PackSegInputs', meta_keys=META)]

pytest.importorskip('mmpretrain')


def source(root: Path, pipeline: list = CLASSIFY, **kwargs) -> dict:
    return dict(
        type='SemiVOCDataset',
        data_root=str(root),
        data_prefix=dict(seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/train.txt',
        pipeline=pipeline,
        **kwargs,
    )


def build(root: Path, tags: str = 'masks', view: dict | None = None, **kwargs):
    cfg = dict(type='ImageLabelDataset', tags=tags, dataset=source(root, **kwargs))
    return DATASETS.build(dict(cfg, **(view or {})))


def mask_tags(seed: int, classes: int = 21) -> list[int]:
    """Loop over the pixels."""
    found = {int(value) for row in random_mask(seed, classes) for value in row}
    return sorted(found - {0, 255})


def write_tags(root: Path, tags: dict[str, list[str]]) -> str:
    (root / 'tags.json').write_text(json.dumps(tags))
    return 'tags.json'


def test_tags_from_masks(voc_root):
    write_mask(voc_root / f'SegmentationClass/{VOC_IDS[0]}.png', np.uint8([[0, 255, 7]] * 20))
    dataset = build(voc_root)
    expected = [[7], *(mask_tags(seed) for seed in range(1, 6))]
    assert len(dataset) == 6 and dataset.metainfo['classes'][7] == 'car'
    for index, labels in enumerate(expected):
        sample = dataset[index]['data_samples']
        assert sample.gt_label.tolist() == [label - 1 for label in labels]
        assert sample.img_path.endswith(f'{VOC_IDS[index]}.jpg')


def test_tags_from_masks_of_chosen_classes(voc_root):
    # Others are void, as in training with masks.
    metainfo = dict(classes=('background', 'dog', 'cat'))
    dataset = build(voc_root, metainfo=metainfo, pipeline=SEGMENT)
    chosen = {12: 1, 8: 2}
    for index in range(len(dataset)):
        labels = dataset[index]['data_samples'].image_labels
        assert labels == sorted(chosen[i] for i in mask_tags(index) if i in chosen)


def test_masks_are_read_when_needed_only(voc_root, monkeypatch):
    calls = []
    read = transforms.LoadCheckedAnnotations._read
    monkeypatch.setattr(
        transforms.LoadCheckedAnnotations, '_read', lambda *a: calls.append(1) or read(*a)
    )
    dataset = build(voc_root)
    assert image_ids(dataset) == VOC_IDS[:6]
    assert not calls
    dataset[3]
    assert len(calls) == 1


def test_image_whose_mask_shows_nothing(voc_root):
    write_mask(voc_root / f'SegmentationClass/{VOC_IDS[2]}.png', np.uint8([[0, 255]] * 20))
    dataset = build(voc_root)
    assert dataset[1]
    with pytest.raises(ValueError, match=rf"{VOC_IDS[2]}\.jpg' has no tag in its mask '.*png'"):
        dataset[2]
    sample = build(voc_root, view=dict(allow_empty=True))[2]['data_samples']
    assert sample.gt_label.tolist() == []


def test_mask_with_strange_values(voc_root):
    write_mask(voc_root / f'SegmentationClass/{VOC_IDS[0]}.png', random_mask(0, 30))
    with pytest.raises(MaskError, match='outside the 21 classes'):
        build(voc_root)[0]


def test_tags_from_a_file_need_no_masks(voc_root):
    tags = write_tags(voc_root, {name: ['cat', 'person'] for name in VOC_IDS})
    (voc_root / 'SegmentationClass').rename(voc_root / 'gone')
    dataset = build(voc_root, tags, labeled=False)
    item = dataset.get_data_info(4)
    assert item['image_labels'] == [8, 15] and item['gt_label'] == [7, 14]
    assert 'seg_map_path' not in item
    assert dataset[4]['data_samples'].gt_label.tolist() == [7, 14]
    assert image_ids(dataset) == VOC_IDS[:6]


def test_tags_of_a_subset_of_the_images(voc_root):
    tags = {name: ['cat'] for name in VOC_IDS}
    tags[VOC_IDS[3]] = ['dog']
    dataset = build(voc_root, write_tags(voc_root, tags), indices=[3, 0])
    assert [dataset[i]['data_samples'].gt_label.tolist() for i in range(2)] == [[11], [7]]


def test_masks_can_still_be_loaded(voc_root):
    tags = write_tags(voc_root, {name: ['cat'] for name in VOC_IDS})
    sample = build(voc_root, tags, pipeline=SEGMENT)[2]['data_samples']
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0], random_mask(2, 21))
    assert sample.image_labels == [8]


def test_path_of_tags(voc_root, monkeypatch, tmp_path):
    write_tags(voc_root, {name: ['cat'] for name in VOC_IDS})
    (voc_root / 'tags.json').rename(tmp_path / 'elsewhere.json')
    monkeypatch.chdir(tmp_path)
    for path in ('elsewhere.json', str(tmp_path / 'elsewhere.json')):
        assert build(voc_root, path).labels == [[8]] * 6
    with pytest.raises(FileNotFoundError, match='absent.json'):
        build(voc_root, 'absent.json')


def test_errors_come_at_once(voc_root):
    tags = {name: ['cat'] for name in VOC_IDS[1:]}
    with pytest.raises(ValueError, match=f"no entry for image '{VOC_IDS[0]}'"):
        build(voc_root, write_tags(voc_root, tags))
    with pytest.raises(ValueError, match=f"image '{VOC_IDS[0]}' has no tag"):
        build(voc_root, write_tags(voc_root, dict(tags, **{VOC_IDS[0]: []})))
    assert build(voc_root, 'tags.json', dict(allow_empty=True)).labels[0] == []
    with pytest.raises(ValueError, match="tags='masks' needs masks, but .* labeled=False"):
        build(voc_root, labeled=False)


def test_toy_tags_equal_its_masks():
    # An attribute stands for all classes that have it, in tags as in masks.
    for classes in (None, ('background', 'striped', 'dotted', 'checked')):
        toy = dict(type='ToyDataset', split='val', spec=SPEC, pipeline=SEGMENT)
        toy['metainfo'] = dict(classes=classes) if classes else None
        views = [ImageLabelDataset(dict(toy), tags) for tags in ('masks', 'image_labels.csv')]
        tags = [[view[i]['data_samples'].image_labels for i in range(12)] for view in views]
        assert tags[0] == tags[1] == views[1].labels
        assert {label for labels in tags[0] for label in labels} == set(
            range(1, 4 if classes else 7)
        )


def test_streams_do_not_depend_on_workers(voc_root):
    crop = [LOAD, dict(type='RandomCrop', crop_size=(8, 8)), *CLASSIFY[1:]]
    batches = []
    for workers in (0, 1):
        stream = dict(
            batch_size=2,
            num_workers=workers,
            sampler=dict(type='InfiniteSampler', shuffle=True),
            dataset=dict(type='ImageLabelDataset', dataset=source(voc_root, crop)),
        )
        loader = StreamDataLoader(dict(tagged=stream), seed=0)
        assert loader.dataset.metainfo['classes'][1] == 'aeroplane'
        batches.append(next(loader.batches(start=2))['tagged'])
    first, second = batches
    for one, two in zip(first['inputs'], second['inputs'], strict=True):
        assert one.equal(two)
    for one, two in zip(first['data_samples'], second['data_samples'], strict=True):
        assert one.gt_label.tolist() == two.gt_label.tolist() and one.img_path == two.img_path


def test_ordinary_dataloader_and_pickling(voc_root):
    loader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False))
    cfg = dict(type='ImageLabelDataset', dataset=source(voc_root))
    labels = [
        b['data_samples'][0].gt_label for b in Runner.build_dataloader(dict(loader, dataset=cfg))
    ]
    copy = pickle.loads(pickle.dumps(build(voc_root)))
    for index, label in enumerate(labels):
        assert copy[index]['data_samples'].gt_label.equal(label)
        assert label.tolist() == [label - 1 for label in mask_tags(index)]


def test_damaged_image_is_named(voc_root):
    (voc_root / f'JPEGImages/{VOC_IDS[0]}.jpg').write_bytes(b'nothing')
    with pytest.raises(OSError, match=rf"{VOC_IDS[0]}\.jpg' is damaged"):
        build(voc_root)[0]


def test_config_of_voc(voc_root, monkeypatch):
    monkeypatch.setenv('VOC_ROOT', str(voc_root))
    (voc_root / 'Annotations').mkdir()
    for name in VOC_IDS:
        text = '<annotation><object><name>sheep</name></object></annotation>'
        (voc_root / f'Annotations/{name}.xml').write_text(text)
    (voc_root / 'SegmentationClass').rename(voc_root / 'SegmentationClassAug')
    cfg = Config.fromfile(resource_root() / 'configs/_base_/datasets/voc_tags.py')
    loaders = dict(
        train=cfg.train_dataloader.tagged, val=cfg.val_dataloader, cam=cfg.cam_dataloader
    )
    samples = {}
    for name, loader in loaders.items():
        loader.dataset.dataset.ann_file = 'ImageSets/Segmentation/train.txt'
        samples[name] = DATASETS.build(loader.dataset)[1]
    assert samples['train']['inputs'].shape == (3, 448, 448)
    assert samples['val']['inputs'].shape == (3, 20, 30)
    for name in ('train', 'val'):
        assert samples[name]['data_samples'].gt_label.tolist() == [16]
    sample = samples['cam']['data_samples']
    assert sample.image_labels == [17] and sample.gt_sem_seg.data.shape == (1, 20, 30)
