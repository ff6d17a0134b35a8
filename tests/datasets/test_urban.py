"""Synthetic street scenes as the source, and Cityscapes as the target, of an adaptation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

from label_efficient_seg.datasets import (
    CamVidDataset,
    GTA5Dataset,
    PartiallyLabeledMixin,
    SemiCityscapesDataset,
    SynscapesDataset,
    SYNTHIADataset,
    ToyDataset,
)
from label_efficient_seg.datasets.toy import ToySpec, toy_root

from .conftest import random_mask, write_image, write_list, write_mask

LABELED = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
UNLABELED = [LABELED[0], dict(type='LoadValidMask'), LABELED[2]]
IMAGES = {GTA5Dataset: 'images', SYNTHIADataset: 'RGB', SynscapesDataset: 'img/rgb'}
# SYNTHIA has neither terrain (9) nor truck (14) nor train (16).
SIXTEEN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 15, 17, 18]


def write_source(root: Path, kind: type, count: int = 3) -> None:
    """A dataset after conversion, of which the last image has no sound mask."""
    for seed in range(count):
        write_image(root / IMAGES[kind] / f'{seed}.png', seed=seed)
    for seed in range(count - 1):
        mask = random_mask(seed, 19)
        write_mask(root / 'labels_train_ids' / f'{seed}.png', mask, palette=True)
    write_list(root / 'labels_train_ids.txt', [str(seed) for seed in range(count - 1)])


def write_cityscapes(root: Path, names: list[str], masks: bool = True) -> None:
    for seed, name in enumerate(names):
        write_image(root / f'leftImg8bit/train/{name}_leftImg8bit.png', seed=seed)
        if masks:
            path = root / f'gtFine/train/{name}_gtFine_labelTrainIds.png'
            write_mask(path, random_mask(seed, 19))


def mask_of(dataset: PartiallyLabeledMixin, index: int) -> np.ndarray:
    return dataset[index]['data_samples'].gt_sem_seg.data[0].numpy()


def sixteen(mask: np.ndarray) -> np.ndarray:
    """Train ids of Cityscapes as indices of the 16 classes."""
    indices = [SIXTEEN.index(v) if v in SIXTEEN else 255 for v in mask.ravel().tolist()]
    return np.array(indices).reshape(mask.shape)


@pytest.mark.parametrize('kind', IMAGES)
def test_listed_images_are_read_with_their_masks(kind, tmp_path):
    write_source(tmp_path, kind)
    arguments = dict(data_root=str(tmp_path), pipeline=LABELED)
    dataset = kind(ann_file='labels_train_ids.txt', **arguments)
    assert len(dataset) == 2
    for index in range(2):
        mask = random_mask(index, 19)
        expected = sixteen(mask) if kind is SYNTHIADataset else mask
        np.testing.assert_array_equal(mask_of(dataset, index), expected)
    assert len(kind(data_root=str(tmp_path), labeled=False)) == 3
    with pytest.raises(FileNotFoundError, match=r'1 of the 3 masks .*les convert'):
        kind(**arguments)


@pytest.mark.parametrize('kind', IMAGES)
def test_without_masks_the_error_names_the_converter(kind, tmp_path):
    write_image(tmp_path / IMAGES[kind] / '1.png')
    for ann_file in ('labels_train_ids.txt', ''):
        with pytest.raises(FileNotFoundError) as error:
            kind(data_root=str(tmp_path), ann_file=ann_file)
        tool = f'les convert {kind.CONVERTER} DATA_ROOT'
        assert str(error.value).endswith(tool)
    with pytest.raises(FileNotFoundError) as error:
        kind(data_root=str(tmp_path / 'no'), labeled=False)
    assert 'to_train_ids' not in str(error.value)


@pytest.mark.parametrize('kind', IMAGES)
def test_source_and_target_agree_on_classes(kind, tmp_path):
    write_source(tmp_path / 'source', kind)
    write_cityscapes(tmp_path / 'target', ['aachen/a', 'ulm/b'])
    metainfo = dict(classes=SYNTHIADataset.CLASSES) if kind is SYNTHIADataset else None
    source = kind(
        data_root=str(tmp_path / 'source'),
        ann_file='labels_train_ids.txt',
        metainfo=metainfo,
        pipeline=LABELED,
    )
    target = SemiCityscapesDataset(
        data_root=str(tmp_path / 'target'), metainfo=metainfo, pipeline=LABELED
    )
    assert source.metainfo['classes'] == target.metainfo['classes']
    assert source.metainfo['palette'] == target.metainfo['palette']
    assert len(source.metainfo['palette']) == len(source.metainfo['classes'])
    for index in range(2):  # the mask files are the same
        np.testing.assert_array_equal(mask_of(source, index), mask_of(target, index))


def test_all_19_classes_of_synthia_can_be_asked_for(tmp_path):
    write_source(tmp_path, SYNTHIADataset)
    dataset = SYNTHIADataset(
        data_root=str(tmp_path),
        ann_file='labels_train_ids.txt',
        metainfo=dict(classes=SynscapesDataset.METAINFO['classes']),
        pipeline=LABELED,
    )
    np.testing.assert_array_equal(mask_of(dataset, 0), random_mask(0, 19))


def test_iou_over_the_16_classes(tmp_path):
    write_cityscapes(tmp_path, ['aachen/a', 'ulm/b'])
    metainfo = dict(classes=SYNTHIADataset.CLASSES)
    target = SemiCityscapesDataset(
        data_root=str(tmp_path), metainfo=metainfo, pipeline=LABELED, test_mode=True
    )
    thirteen = [name for name in metainfo['classes'] if name not in ('wall', 'fence', 'pole')]
    metric = dict(type='SubsetIoUMetric', subsets=dict(mIoU13=thirteen))
    evaluator = Evaluator([METRICS.build(metric)])
    evaluator.dataset_meta = target.metainfo
    rng = np.random.default_rng(0)
    predictions, truths = rng.integers(0, 16, (2, 20, 30)), []
    for index, prediction in enumerate(predictions):
        truth = sixteen(random_mask(index, 19))
        truths.append(truth)
        prediction[:] = np.where((rng.random(truth.shape) < 0.5) & (truth < 255), truth, prediction)
        sample = target[index]['data_samples']
        sample.pred_sem_seg = PixelData(data=torch.from_numpy(prediction)[None])
        assert isinstance(sample, SegDataSample)
        evaluator.process([sample])
    metrics = evaluator.evaluate(2)
    valid = np.stack(truths) != 255
    predicted, true = predictions[valid], np.stack(truths)[valid]
    ious = [
        100 * ((predicted == c) & (true == c)).sum() / ((predicted == c) | (true == c)).sum()
        for c in range(16)
    ]
    assert metrics['mIoU'] == pytest.approx(np.mean(ious), abs=0.006)
    without = ious[:3] + ious[6:]
    assert metrics['mIoU13'] == pytest.approx(np.mean(without), abs=0.006)


def test_absolute_lists_and_pseudo_masks_of_cityscapes(tmp_path, monkeypatch):
    names = ['aachen/aachen_000000_000019', 'ulm/ulm_000001_000019', 'ulm/ulm_000002_000019']
    write_cityscapes(tmp_path / 'data', names, masks=False)
    ranking = tmp_path / 'ranking'
    for seed, name in enumerate(names[:2]):
        write_mask(ranking / f'pseudo_masks/{name}.png', random_mask(seed + 5, 19), palette=True)
    write_list(ranking / 'easy.txt', names[1::-1])
    write_list(ranking / 'hard.txt', names[2:])
    monkeypatch.chdir(tmp_path)
    for data_root in (str(tmp_path / 'data'), 'data'):
        easy = SemiCityscapesDataset(
            data_root=data_root,
            ann_file=str(ranking / 'easy.txt'),
            data_prefix=dict(seg_map_path=str(ranking / 'pseudo_masks')),
            seg_map_suffix='.png',
            pipeline=LABELED,
        )
        np.testing.assert_array_equal(mask_of(easy, 0), random_mask(6, 19))
        np.testing.assert_array_equal(mask_of(easy, 1), random_mask(5, 19))
        hard = SemiCityscapesDataset(
            data_root=data_root,
            ann_file=str(ranking / 'hard.txt'),
            labeled=False,
            pipeline=UNLABELED,
        )
        assert [hard.get_data_info(i)['img_path'] for i in range(len(hard))] == [
            f'{data_root}/leftImg8bit/train/{names[2]}_leftImg8bit.png'
        ]
    with pytest.raises(FileNotFoundError, match='1 of the 1 masks .*/pseudo_masks/ulm/'):
        SemiCityscapesDataset(
            data_root='data',
            ann_file=str(ranking / 'hard.txt'),
            data_prefix=dict(seg_map_path=str(ranking / 'pseudo_masks')),
            seg_map_suffix='.png',
        )


def test_absolute_lists_and_pseudo_masks_of_camvid_and_the_toy_dataset(tmp_path):
    write_image(tmp_path / 'data/images/0001TP_1.jpg')
    sizes = dict(num_train=1, num_val=1, num_target_train=4, num_target_val=1)
    toy = Path(toy_root('target', spec=ToySpec(**sizes)))
    kinds = {
        CamVidDataset: ('0001TP_1', (20, 30), dict(data_root=str(tmp_path / 'data'))),
        ToyDataset: ('train_0003', (128, 128), dict(style='target', split='train', spec=sizes)),
    }
    for kind, (name, (height, width), arguments) in kinds.items():
        mask = random_mask(1, 7, height, width)
        write_mask(tmp_path / 'pseudo_masks' / f'{name}.png', mask, palette=True)
        ann_file = write_list(tmp_path / 'easy.txt', [name])
        dataset = kind(
            ann_file=ann_file,
            data_prefix=dict(seg_map_path=str(tmp_path / 'pseudo_masks')),
            pipeline=LABELED,
            **arguments,
        )
        assert len(dataset) == 1
        np.testing.assert_array_equal(mask_of(dataset, 0), mask)
    assert dataset.get_data_info(0)['img_path'] == str(toy / 'JPEGImages' / 'train_0003.png')
