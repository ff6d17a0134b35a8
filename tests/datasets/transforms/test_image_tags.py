import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.datasets import StreamDataLoader
from label_efficient_seg.datasets.files.image_ids import image_ids
from label_efficient_seg.datasets.files.masks import MaskError
from label_efficient_seg.datasets.transforms import LoadCheckedAnnotations, LoadImageTags

from ..conftest import VOC_IDS, random_mask, write_mask

LOAD = dict(type='LoadImageFromFile')
CLASSIFY = [dict(type='mmpretrain.PackInputs')]
SPEC = dict(num_train=1, num_val=12, num_target_train=1, num_target_val=1)
META = ('img_path', 'seg_map_path', 'image_labels')
SEGMENT = [dict(type='LoadCheckedAnnotations'), dict(type='PackSegInputs', meta_keys=META)]

pytest.importorskip('mmpretrain')


def config(root: Path, load_tags: dict | None = None, then: list = CLASSIFY, **kwargs) -> dict:
    return dict(
        type='SemiVOCDataset',
        data_root=str(root),
        data_prefix=dict(seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/train.txt',
        pipeline=[LOAD, dict(type='LoadImageTags', **(load_tags or {})), *then],
        **kwargs,
    )


def build(root: Path, tags: str = 'masks', allow_empty: bool = False, **kwargs):
    return DATASETS.build(config(root, dict(tags=tags, allow_empty=allow_empty), **kwargs))


def tags_of(dataset) -> list[list[int]]:
    return [dataset[index]['data_samples'].image_labels for index in range(len(dataset))]


def mask_tags(seed: int, classes: int = 21) -> list[int]:
    """Loop over the pixels."""
    found = {int(value) for row in random_mask(seed, classes) for value in row}
    return sorted(found - {0, 255})


def write_tags(root: Path, tags: dict[str, list[str]]) -> str:
    (root / 'tags.json').write_text(json.dumps(tags))
    return 'tags.json'


def test_tags_from_masks(voc_root):
    write_mask(voc_root / f'SegmentationClass/{VOC_IDS[0]}.png', np.uint8([[0, 255, 7] * 10] * 20))
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
    chosen = {12: 1, 8: 2}
    for index, labels in enumerate(tags_of(build(voc_root, metainfo=metainfo, then=SEGMENT))):
        assert labels == sorted(chosen[i] for i in mask_tags(index) if i in chosen)


def test_masks_are_read_when_needed_only(voc_root, monkeypatch):
    calls = []
    load = LoadCheckedAnnotations.transform
    monkeypatch.setattr(LoadCheckedAnnotations, 'transform', lambda *a: calls.append(1) or load(*a))
    dataset = build(voc_root)
    assert image_ids(dataset) == VOC_IDS[:6]
    assert not calls
    dataset[3]
    assert len(calls) == 1


def test_image_whose_mask_shows_nothing(voc_root):
    write_mask(voc_root / f'SegmentationClass/{VOC_IDS[2]}.png', np.uint8([[0, 255] * 15] * 20))
    dataset = build(voc_root)
    assert dataset[1]
    with pytest.raises(ValueError, match=rf"{VOC_IDS[2]}\.jpg' has no tag in its mask '.*png'"):
        dataset[2]
    sample = build(voc_root, allow_empty=True)[2]['data_samples']
    assert sample.gt_label.tolist() == []


def test_mask_with_strange_values(voc_root):
    write_mask(voc_root / f'SegmentationClass/{VOC_IDS[0]}.png', random_mask(0, 30))
    with pytest.raises(MaskError, match='outside the 21 classes'):
        build(voc_root)[0]


def test_tags_from_a_file_need_no_masks(voc_root):
    tags = write_tags(voc_root, {name: ['cat', 'person'] for name in VOC_IDS})
    (voc_root / 'SegmentationClass').rename(voc_root / 'gone')
    dataset = build(voc_root, tags, labeled=False)
    assert 'seg_map_path' not in dataset.get_data_info(4)
    assert dataset[4]['data_samples'].gt_label.tolist() == [7, 14]
    assert image_ids(dataset) == VOC_IDS[:6]


def test_tags_of_a_subset_of_the_images(voc_root):
    tags = {name: ['cat'] for name in VOC_IDS}
    tags[VOC_IDS[3]] = ['dog']
    dataset = build(voc_root, write_tags(voc_root, tags), indices=[3, 0, 1], then=SEGMENT)
    assert tags_of(dataset) == [[12], [8], [8]]
    assert tags_of(dataset.get_subset([1, 0])) == [[8], [12]]


def test_masks_can_still_be_loaded(voc_root):
    tags = write_tags(voc_root, {name: ['cat'] for name in VOC_IDS})
    sample = build(voc_root, tags, then=SEGMENT)[2]['data_samples']
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0], random_mask(2, 21))
    assert sample.image_labels == [8]


def test_path_of_tags(voc_root, monkeypatch, tmp_path):
    write_tags(voc_root, {name: ['cat'] for name in VOC_IDS})
    (voc_root / 'tags.json').rename(tmp_path / 'elsewhere.json')
    monkeypatch.chdir(tmp_path)
    for path in ('elsewhere.json', str(tmp_path / 'elsewhere.json')):
        assert tags_of(build(voc_root, path, then=SEGMENT)) == [[8]] * 6
    with pytest.raises(FileNotFoundError, match='absent.json'):
        build(voc_root, 'absent.json')


def test_errors_come_at_once(voc_root):
    tags = {name: ['cat'] for name in VOC_IDS[1:]}
    with pytest.raises(ValueError, match=f"no entry for image '{VOC_IDS[0]}'"):
        build(voc_root, write_tags(voc_root, tags))
    with pytest.raises(ValueError, match=f"image '{VOC_IDS[0]}' has no tag"):
        build(voc_root, write_tags(voc_root, dict(tags, **{VOC_IDS[0]: []})))
    assert tags_of(build(voc_root, 'tags.json', allow_empty=True, then=SEGMENT))[0] == []
    with pytest.raises(ValueError, match="tags='masks' needs masks, but .* labeled=False"):
        build(voc_root, labeled=False)


def test_toy_tags_equal_its_masks():
    # An attribute stands for all classes that have it, in tags as in masks.
    for classes in (None, ('background', 'striped', 'dotted', 'checked')):
        toy = dict(type='ToyDataset', split='val', spec=SPEC)
        toy['metainfo'] = dict(classes=classes) if classes else None
        tags = []
        for source in ('masks', 'image_labels.csv'):
            pipeline = [LOAD, dict(type='LoadImageTags', tags=source), *SEGMENT]
            tags.append(tags_of(DATASETS.build(dict(toy, pipeline=pipeline))))
        assert tags[0] == tags[1] and len(tags[0]) == 12
        assert set().union(*tags[0]) == set(range(1, 4 if classes else 7))


def test_streams_do_not_depend_on_workers(voc_root):
    crop = [dict(type='RandomCrop', crop_size=(8, 8)), *CLASSIFY]
    batches = []
    for workers in (0, 1):
        stream = dict(
            batch_size=2,
            num_workers=workers,
            sampler=dict(type='InfiniteSampler', shuffle=True),
            dataset=config(voc_root, then=crop),
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
    loader = Runner.build_dataloader(dict(loader, dataset=config(voc_root)))
    labels = [batch['data_samples'][0].gt_label for batch in loader]
    copy = pickle.loads(pickle.dumps(build(voc_root)))
    for index, label in enumerate(labels):
        assert copy[index]['data_samples'].gt_label.equal(label)
        assert label.tolist() == [label - 1 for label in mask_tags(index)]


def test_a_transform_without_its_dataset_is_refused():
    with pytest.raises(ValueError, match='LoadImageTags does not know its dataset; put LoadImag'):
        LoadImageTags()(dict(img_path='x.jpg'))


def test_config_of_voc(voc_root, monkeypatch):
    monkeypatch.setenv('VOC_ROOT', str(voc_root))
    (voc_root / 'Annotations').mkdir()
    for name in VOC_IDS:
        text = '<annotation><object><name>sheep</name></object></annotation>'
        (voc_root / f'Annotations/{name}.xml').write_text(text)
    (voc_root / 'SegmentationClass').rename(voc_root / 'SegmentationClassAug')
    cfg = Config.fromfile(resource_root() / 'configs/_base_/datasets/voc_tags.py')
    loaders = dict(
        train=cfg.train_dataloader.tagged, val=cfg.val_dataloader, cam=cfg.test_dataloader
    )
    samples = {}
    for name, loader in loaders.items():
        loader.dataset.ann_file = 'ImageSets/Segmentation/train.txt'
        samples[name] = DATASETS.build(loader.dataset)[1]
    assert samples['train']['inputs'].shape == (3, 448, 448)
    assert samples['val']['inputs'].shape == (3, 20, 30)
    for name in ('train', 'val'):
        assert samples[name]['data_samples'].gt_label.tolist() == [16]
    sample = samples['cam']['data_samples']
    assert sample.image_labels == [17] and sample.gt_sem_seg.data.shape == (1, 20, 30)
