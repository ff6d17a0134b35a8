"""The dataset configs on miniature data in the real layouts."""

import os
from pathlib import Path

import pytest
from mmengine.config import Config
from mmseg.datasets.transforms import PackSegInputs  # noqa: F401 - registers
from mmseg.registry import DATASETS, TRANSFORMS

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.datasets.checks.checking import check_config
from label_efficient_seg.datasets.files.splits import read_split

from .conftest import random_mask, write_image, write_list, write_mask

CONFIGS = resource_root() / 'configs' / '_base_' / 'datasets'


def write_pair(image: Path, mask: Path, classes: int, seed: int) -> None:
    write_image(image, 20, 30, seed)
    write_mask(mask, random_mask(seed, classes))


def write_voc(root: Path, split: str) -> None:
    """One pair under the names of all images."""
    first, *names = read_split(resource_root() / 'splits' / split)
    pair = root / f'JPEGImages/{first}.jpg', root / f'SegmentationClass/{first}.png'
    write_pair(*pair, 21, 0)
    for path in pair:
        for name in names:
            os.link(path, path.with_name(name + path.suffix))


def load(name: str, monkeypatch, variable: str, root: Path) -> Config:
    monkeypatch.setenv(variable, str(root))
    return Config.fromfile(CONFIGS / f'{name}.py')


def check_streams(cfg: Config, crop: tuple[int, int]) -> None:
    """Every stream gives what a model needs."""
    for name, stream in cfg.train_dataloader.items():
        dataset = DATASETS.build(stream.dataset)
        sample = dataset[0]
        assert sample['inputs'].shape == (3, *crop)
        mask = sample['data_samples'].gt_sem_seg.data
        assert mask.shape == (1, *crop)
        labels = set(mask.unique().tolist())
        allowed = range(len(dataset.metainfo['classes'])) if name == 'labeled' else {0}
        assert labels <= {255, *allowed}
        assert ('seg_map_path' in sample['data_samples'].metainfo) == (name == 'labeled')
    sample = DATASETS.build(cfg.val_dataloader.dataset)[0]
    assert sample['data_samples'].gt_sem_seg.data.shape == (1, 20, 30)


def test_voc_animals(tmp_path, monkeypatch):
    write_voc(tmp_path, 'voc_animals/train.txt')
    write_voc(tmp_path, 'voc_animals/val.txt')
    cfg = load('voc_animals_semi', monkeypatch, 'VOC_ANIMALS_ROOT', tmp_path)
    check_streams(cfg, (161, 161))
    report = check_config(cfg, max_images=5)
    assert report.findings == []
    assert [len(stream.samples) for stream in report.streams] == [55, 382, 445, 445]
    assert all(len(stream.classes) == 7 for stream in report.streams)


def test_voc_pointed_at_a_subset(voc_root, monkeypatch):
    cfg = load('voc_semi', monkeypatch, 'VOC_ROOT', voc_root)
    lists, masks = 'ImageSets/Segmentation', 'data_prefix.seg_map_path'
    unlabeled = 'train_dataloader.unlabeled.dataset'
    options = {
        f'train_dataloader.labeled.dataset.{masks}': 'SegmentationClass',
        'train_dataloader.labeled.dataset.ann_file': f'{lists}/labeled.txt',
        f'{unlabeled}.{masks}': 'SegmentationClass',
        f'{unlabeled}.ann_file': f'{lists}/train.txt',
        f'{unlabeled}.exclude': f'{lists}/labeled.txt',
    }
    for loader in ('val_dataloader', 'test_dataloader'):
        options[f'{loader}.dataset.{masks}'] = 'SegmentationClass'
        options[f'{loader}.dataset.ann_file'] = f'{lists}/val.txt'
    cfg.merge_from_dict(options)
    check_streams(cfg, (321, 321))
    report = check_config(cfg)
    assert report.findings == []
    assert [len(stream.samples) for stream in report.streams] == [2, 4, 2, 2]


def test_camvid(tmp_path, monkeypatch):
    labeled = read_split(resource_root() / 'splits/camvid/1_8/labeled.txt')
    parts = dict(train=[*labeled, 'more'], val=['v1'], test=['t1', 't2'])
    for split, names in parts.items():
        write_list(tmp_path / f'{split}.txt', names)
        for i, name in enumerate(names):
            write_pair(tmp_path / f'images/{name}.jpg', tmp_path / f'labels/{name}.png', 11, i)
    cfg = load('camvid_semi', monkeypatch, 'CAMVID_ROOT', tmp_path)
    check_streams(cfg, (321, 321))
    report = check_config(cfg)
    assert report.findings == []
    assert [len(stream.samples) for stream in report.streams] == [46, 1, 1, 2]


def test_cityscapes(tmp_path, monkeypatch):
    splits = resource_root() / 'splits/cityscapes'
    labeled = read_split(splits / '1_8/labeled.txt')[:2]
    unlabeled = [name for name in read_split(splits / 'train.txt') if name not in labeled][:3]
    names = dict(train=labeled + unlabeled, val=read_split(splits / 'val.txt')[:2])
    for part, ids in names.items():
        for i, name in enumerate(ids):
            image = tmp_path / f'leftImg8bit/{part}/{name}_leftImg8bit.png'
            write_pair(image, tmp_path / f'gtFine/{part}/{name}_gtFine_labelTrainIds.png', 19, i)
    for name, ids in (('train', names['train']), ('labeled', labeled), ('val', names['val'])):
        write_list(tmp_path / f'{name}.txt', ids)
    cfg = load('cityscapes_semi', monkeypatch, 'CITYSCAPES_ROOT', tmp_path)
    cfg.merge_from_dict(
        {
            'train_dataloader.labeled.dataset.ann_file': 'labeled.txt',
            'train_dataloader.unlabeled.dataset.ann_file': 'train.txt',
            'train_dataloader.unlabeled.dataset.exclude': 'labeled.txt',
            'val_dataloader.dataset.ann_file': 'val.txt',
            'test_dataloader.dataset.ann_file': 'val.txt',
        }
    )
    check_streams(cfg, (512, 1024))
    assert check_config(cfg).findings == []


@pytest.mark.parametrize('name', ['voc_semi', 'voc_animals_semi', 'camvid_semi', 'cityscapes_semi'])
def test_test_time_augmentation_can_be_built(name, tmp_path):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    write_pair(tmp_path / 'a.jpg', tmp_path / 'a.png', 7, 0)
    item = dict(
        img_path=str(tmp_path / 'a.jpg'),
        seg_map_path=str(tmp_path / 'a.png'),
        label_map=None,
        reduce_zero_label=False,
        num_classes=7,
        seg_fields=[],
    )
    load_image, augment = (TRANSFORMS.build(transform) for transform in cfg.tta_pipeline)
    results = augment(load_image(item))
    ratios = len(cfg.tta_pipeline[1].transforms[0])
    assert len(results['inputs']) == 2 * ratios
    masks = [sample.gt_sem_seg.data.shape for sample in results['data_samples']]
    assert masks == [(1, 20, 30)] * 2 * ratios
