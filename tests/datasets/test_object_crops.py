"""Crops around objects against masks cut by hand."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import DATASETS
from PIL import Image

from label_efficient_seg.core.cache import CACHE_VARIABLE
from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets import StreamDataLoader, box_crops
from label_efficient_seg.ops import prepare_boxes

from .conftest import write_image, write_list, write_mask

LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadCheckedAnnotations')]
PAPER = [
    dict(type='Resize', scale=(250, 250)),
    dict(type='RandomCrop', crop_size=(224, 224)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]


def write_masks(root: Path) -> None:
    """Two touching sheep (17) before a person (15); a cow (10) at the border; nothing."""
    masks = np.zeros((3, 40, 60), np.uint8)
    masks[0, 10:30, 10:30] = 17
    masks[0, 8:18, 40:50] = 15
    masks[0, 12:16, 28:32] = 255
    masks[0, 12:14, 32:35] = 15
    masks[1, 20:40, 0:20] = 10
    for index, mask in enumerate(masks):
        write_mask(root / f'SegmentationClass/{index}.png', mask, palette=True)
    instances = np.zeros_like(masks[0])
    instances[10:30, 10:20], instances[10:30, 20:30], instances[8:18, 40:50] = 1, 2, 3
    write_mask(root / 'SegmentationObject/0.png', instances, palette=True)


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    for index in range(3):
        write_image(tmp_path / f'JPEGImages/{index}.jpg', 40, 60, index)
    write_masks(tmp_path)
    write_list(tmp_path / 'all.txt', ['0', '1', '2'])
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / 'cache'))
    return tmp_path


def config(root: Path, pipeline=(), inner=LOAD, kind='SemiVOCDataset', **kwargs) -> dict:
    dataset = dict(
        type=kind,
        data_root=str(root),
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='all.txt',
        pipeline=list(inner),
    )
    return dict(type='ObjectCropDataset', dataset=dataset, pipeline=list(pipeline), **kwargs)


def build(root: Path, **kwargs):
    return DATASETS.build(config(root, **kwargs))


def boxes(dataset) -> list:
    return [
        (image, label, *map(int, box))
        for image, label, box in zip(*(values.tolist() for values in dataset.crops), strict=True)
    ]


@pytest.mark.parametrize('content', [b'', b'\x89PNG\r\n', 'a row less'])
def test_faulty_instance_masks_are_named(root, content):
    path = root / 'SegmentationObject/0.png'
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        write_mask(path, np.zeros((39, 60), np.uint8))
    with pytest.raises(UserError, match=f"mask '{path}' of image '.*0.jpg' is (empty|dam|60x39)"):
        build(root, instances='SegmentationObject')


def test_crops_are_enlarged_and_show_one_class(root):
    dataset = build(root, min_size=10)
    assert boxes(dataset) == [
        (0, 15, 40, 8, 50, 18),
        (0, 17, 10, 10, 30, 30),
        (1, 10, 0, 20, 20, 40),
    ]
    assert len(dataset) == 3
    whole = [dataset.dataset[index] for index in range(2)]
    person, sheep, cow = (dataset[index] for index in range(3))
    np.testing.assert_array_equal(sheep['img'], whole[0]['img'][8:32, 8:32])
    np.testing.assert_array_equal(sheep['gt_seg_map'], whole[0]['gt_seg_map'][8:32, 8:32])
    assert person['img'].shape == (12, 12, 3)
    # The borders cut the cow's crop.
    np.testing.assert_array_equal(cow['img'], whole[1]['img'][18:40, :22])
    assert cow['img_shape'] == cow['ori_shape'] == cow['gt_seg_map'].shape == (22, 22)
    assert cow['gt_seg_map'].dtype == np.uint8


def test_training_and_inference_enlarge_boxes_alike(root):
    dataset = build(root, min_size=10, enlarge=1.25)
    for index, (image, _, *box) in enumerate(boxes(dataset)):
        size = dataset.dataset[image]['img'].shape[:2]
        ((x1, y1, x2, y2),) = prepare_boxes([box], size, 1.25).tolist()
        assert dataset[index]['img_shape'] == (y2 - y1, x2 - x1)
        np.testing.assert_array_equal(
            dataset[index]['img'], dataset.dataset[image]['img'][y1:y2, x1:x2]
        )


def test_other_classes_become_background(root):
    mask = build(root, enlarge=2, min_size=10)[1]['gt_seg_map']
    assert mask.shape == (40, 40)
    assert set(np.unique(mask)) == {0, 17, 255}
    assert (mask == 17).sum() == 20 * 20 - 8 and (mask == 255).sum() == 16


def test_instance_masks_part_touching_objects_and_components_stand_in(root):
    dataset = build(root, instances='SegmentationObject', min_size=10)
    first, second = (0, 17, 10, 10, 20, 30), (0, 17, 20, 10, 30, 30)
    assert boxes(dataset) == [first, second, (0, 15, 40, 8, 50, 18), (1, 10, 0, 20, 20, 40)]
    absolute = build(root, instances=str(root / 'SegmentationObject'), min_size=10)
    assert boxes(absolute) == boxes(dataset)
    # Of both sheep, as the class is kept.
    assert (dataset[0]['gt_seg_map'] == 17).sum() == 11 * 20


def test_small_objects_are_left_out(root):
    assert len(build(root, min_size=1)) == 4
    assert [crop[1] for crop in boxes(build(root, min_size=20))] == [17, 10]
    with pytest.raises(ValueError, match='3 images have 4 boxes.*21 pixels'):
        build(root, min_size=21)


def test_list_is_read_once_and_again_when_a_mask_changes(root, monkeypatch):
    before, other = boxes(build(root)), root / 'other'
    assert boxes(build(root, cache=str(other))) == before
    assert len(list(other.iterdir())) == len(list((root / 'cache').iterdir())) == 1

    def fail(*args):
        raise AssertionError('the masks were read again')

    with monkeypatch.context() as patch:
        patch.setattr(box_crops, 'object_boxes', fail)
        assert boxes(build(root)) == before
        with pytest.raises(AssertionError, match='read again'):
            build(root, instances='SegmentationObject')
    write_mask(root / 'SegmentationClass/2.png', np.full((40, 60), 3, np.uint8), palette=True)
    assert boxes(build(root)) == [*before, (2, 3, 0, 0, 60, 40)]
    # Another choice of classes has another list.
    cfg = config(root)
    cfg['dataset']['metainfo'] = dict(classes=('background', 'cow', 'bottle'))
    assert [crop[:2] for crop in boxes(DATASETS.build(cfg))] == [(1, 1)]


def test_damaged_cache_is_made_anew(root):
    before = boxes(build(root))
    (path,) = (root / 'cache').iterdir()
    content = path.read_bytes()
    for damaged in (b'', b'abc', content[: len(content) // 2]):
        path.write_bytes(damaged)
        assert boxes(build(root)) == before
        assert path.read_bytes() == content


@pytest.mark.parametrize('kind', ['SemiVOCDataset', 'PascalVOCDataset'])
def test_pipeline_of_the_paper(root, kind):
    dataset = build(root, kind=kind, pipeline=PAPER)
    item = dataset[0]
    assert item['inputs'].shape == (3, 224, 224)
    labels = item['data_samples'].gt_sem_seg.data
    assert labels.shape == (1, 224, 224) and 17 in labels
    assert dataset.metainfo['classes'][17] == 'sheep'


def test_items_depend_on_seed_and_position_alone(root):
    stream = dict(
        batch_size=2, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=config(root, pipeline=PAPER),
    )  # fmt: skip

    def inputs(start: int, seed: int = 1) -> list[torch.Tensor]:
        torch.rand(7)
        batches = StreamDataLoader(dict(labeled=stream), seed).batches(start)
        return [torch.stack(next(batches)['labeled']['inputs']) for _ in range(3)]

    early, late = inputs(0), inputs(1)
    assert all(torch.equal(*pair) for pair in zip(early[1:], late, strict=False))
    assert not torch.equal(early[0], early[1]) and not torch.equal(early[0], inputs(0, 2)[0])


def test_toy_objects(tmp_path):
    spec = dict(num_train=20, num_val=1, num_target_train=8, num_target_val=1)
    source = dict(type='ToyDataset', pipeline=LOAD, spec=spec)
    cfg = dict(type='ObjectCropDataset', dataset=source, pipeline=[], cache=str(tmp_path))
    dataset = DATASETS.build(dict(cfg, instances='SegmentationObject', min_size=1))
    truth = DATASETS.build(dict(source, pipeline=[]))
    count = 0
    for index in range(20):
        path = truth.get_data_info(index)['seg_map_path']
        numbers = np.asarray(Image.open(path.replace('SegmentationClass', 'SegmentationObject')))
        count += len(set(np.unique(numbers)) - {0, 255})
    assert len(dataset) == count


@pytest.mark.parametrize(
    ('inner', 'message'),
    [
        ([], 'does not give img and gt_seg_map'),
        ([*LOAD, dict(type='PackSegInputs')], 'does not give img and gt_seg_map'),
        ([*LOAD, dict(type='Resize', scale=(30, 30))], 'changes the size of'),
    ],
)
def test_inner_pipelines_that_do_not_just_load_are_refused(root, inner, message):
    with pytest.raises(ValueError, match=message):
        build(root, inner=inner)


def test_bad_arguments(root):
    cfg = config(root)
    cfg['dataset']['labeled'] = False
    with pytest.raises(ValueError, match='labeled part'):
        DATASETS.build(cfg)
    with pytest.raises(ValueError, match='enlarge is 0.9'):
        build(root, enlarge=0.9)
    with pytest.raises(FileNotFoundError, match="no image has an instance mask in 'nowhere'"):
        build(root, instances='nowhere')
    write_mask(root / 'SegmentationObject/0.png', np.zeros((40, 50), np.uint8))
    with pytest.raises(ValueError, match='SegmentationObject/0.png.* is 50x40'):
        build(root, instances='SegmentationObject')
    (root / 'file').write_text('')
    with pytest.raises(OSError, match=CACHE_VARIABLE):
        build(root, cache=os.path.join(root, 'file'))
