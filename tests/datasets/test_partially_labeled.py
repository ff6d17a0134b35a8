import os
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from mmseg.datasets import ADE20KDataset
from mmseg.datasets.transforms import LoadAnnotations

from label_efficient_seg.datasets import (
    CamVidDataset,
    ImageFolderSegDataset,
    PartiallyLabeledMixin,
    SemiCityscapesDataset,
    SemiVOCDataset,
)
from label_efficient_seg.datasets.files.masks import MaskError
from label_efficient_seg.datasets.files.splits import SplitError

from .conftest import VOC_IDS, random_mask, write_image, write_list, write_mask

LABELED = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='PackSegInputs'),
]
UNLABELED = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadValidMask'),
    dict(type='RandomScale'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=(16, 16)),
    dict(type='Pad', size=(16, 16), pad_val=dict(img=(104, 117, 123), seg=255)),
    dict(type='PackSegInputs'),
]
LISTS = 'ImageSets/Segmentation'


def voc(root: Path, ann_file: str = f'{LISTS}/train.txt', **kwargs) -> SemiVOCDataset:
    kwargs.setdefault('data_prefix', dict(seg_map_path='SegmentationClass'))
    return SemiVOCDataset(data_root=str(root), ann_file=ann_file, **kwargs)


def ids(dataset) -> list[str]:
    return [Path(dataset.get_data_info(i)['img_path']).stem for i in range(len(dataset))]


def masks(dataset) -> list[np.ndarray]:
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    return [sample.gt_sem_seg.data[0].numpy() for sample in samples]


def test_labeled_part(voc_root):
    dataset = voc(voc_root, f'{LISTS}/labeled.txt', pipeline=LABELED)
    assert ids(dataset) == VOC_IDS[1:3]
    assert dataset.get_data_info(0)['num_classes'] == 21
    for seed, mask in zip((1, 2), masks(dataset), strict=True):
        np.testing.assert_array_equal(mask, random_mask(seed, 21))


def test_unlabeled_part_is_the_complement(voc_root):
    dataset = voc(voc_root, exclude=f'{LISTS}/labeled.txt', labeled=False)
    assert ids(dataset) == [name for name in VOC_IDS[:6] if name not in VOC_IDS[1:3]]
    assert all('seg_map_path' not in dataset.get_data_info(i) for i in range(len(dataset)))


OPENED: list[str] = []
RECORDING = False


def _record_opened_files(event: str, arguments: tuple) -> None:
    if RECORDING and event == 'open' and isinstance(arguments[0], str | os.PathLike):
        OPENED.append(os.fspath(arguments[0]))


sys.addaudithook(_record_opened_files)


@pytest.mark.parametrize('poison', ['corrupt', 'folder', 'dangling link', 'absent'])
def test_unlabeled_stream_reads_no_mask(voc_root, monkeypatch, poison):
    for path in (voc_root / 'SegmentationClass').iterdir():
        path.unlink()
        if poison == 'corrupt':
            path.write_bytes(b'poison')
        elif poison == 'folder':
            path.mkdir()
        elif poison == 'dangling link':
            path.symlink_to(voc_root / 'nowhere')
    if poison == 'absent':
        shutil.rmtree(voc_root / 'SegmentationClass')

    def refuse(self, results: dict) -> None:
        raise AssertionError(f'a mask was loaded: {results}')

    monkeypatch.setattr(LoadAnnotations, '_load_seg_map', refuse)
    monkeypatch.setattr(sys.modules[__name__], 'RECORDING', True)
    OPENED.clear()
    dataset = voc(voc_root, exclude=f'{LISTS}/labeled.txt', labeled=False, pipeline=UNLABELED)
    for i in range(len(dataset)):
        sample = dataset[i]
        assert sample['inputs'].shape == (3, 16, 16)
        assert set(sample['data_samples'].gt_sem_seg.data.unique().tolist()) <= {0, 255}
        assert 'seg_map_path' not in sample['data_samples'].metainfo
    assert sum('JPEGImages' in path for path in OPENED) == len(dataset) == 4
    assert not [path for path in OPENED if 'SegmentationClass' in path]


def test_classes_can_be_chosen(voc_root):
    classes = ('background', 'dog', 'cat')
    dataset = voc(voc_root, pipeline=LABELED, metainfo=dict(classes=classes))
    for seed, mask in enumerate(masks(dataset)):
        original = random_mask(seed, 21)
        expected = np.full_like(original, 255)
        for new, old in enumerate((0, 12, 8)):
            expected[original == old] = new
        np.testing.assert_array_equal(mask, expected)


def test_stray_label_is_reported_while_loading(voc_root):
    mask = random_mask(0, 21)
    mask[3, 3] = 21
    write_mask(voc_root / 'SegmentationClass' / f'{VOC_IDS[0]}.png', mask)
    with pytest.raises(MaskError, match=r'21 classes: 21 \(1 pixel\)'):
        voc(voc_root, pipeline=LABELED)[0]


def test_missing_images_are_counted_and_named(voc_root):
    for name in VOC_IDS[:4]:
        (voc_root / 'JPEGImages' / f'{name}.jpg').unlink()
    with pytest.raises(FileNotFoundError, match='4 of the 6 images of split file') as error:
        voc(voc_root)
    message = str(error.value)
    assert all(name in message for name in VOC_IDS[:3]) and VOC_IDS[3] not in message
    assert 'check data_root' in message and 'les check CONFIG' in message
    assert len(voc(voc_root, strict=False)) == 6


def test_missing_masks_matter_for_labeled_images_only(voc_root):
    (voc_root / 'SegmentationClass' / f'{VOC_IDS[0]}.png').unlink()
    with pytest.raises(FileNotFoundError, match=f'1 of the 6 masks of .*{VOC_IDS[0]}.png'):
        voc(voc_root)
    assert len(voc(voc_root, labeled=False)) == 6


def test_wrong_data_root(tmp_path, voc_root):
    with pytest.raises(FileNotFoundError, match='6 of the 6 images of .* check data_root'):
        voc(tmp_path / 'nowhere', str(voc_root / LISTS / 'train.txt'))


@pytest.mark.parametrize(
    'line',
    [
        f'{VOC_IDS[0]}.jpg',
        f'JPEGImages/{VOC_IDS[0]}.jpg SegmentationClass/{VOC_IDS[0]}.png',
        f'/VOC2012/JPEGImages/{VOC_IDS[0]}',
    ],
)
def test_list_in_another_form(voc_root, line):
    write_list(voc_root / 'other.txt', [line])
    message = 'one id per line: the path below the image folder'
    with pytest.raises((FileNotFoundError, SplitError), match=message):
        voc(voc_root, 'other.txt')


def test_faulty_lists(voc_root):
    with pytest.raises(FileNotFoundError, match="split file 'nope.txt' does not exist"):
        voc(voc_root, 'nope.txt')
    write_list(voc_root / 'empty.txt', [])
    with pytest.raises(SplitError, match='lists no image'):
        voc(voc_root, 'empty.txt')
    write_list(voc_root / 'twice.txt', VOC_IDS[:2] * 2)
    with pytest.raises(SplitError, match='more than once'):
        voc(voc_root, 'twice.txt')
    with pytest.raises(SplitError, match='nothing is left'):
        voc(voc_root, exclude=f'{LISTS}/train.txt')
    with pytest.raises(SplitError, match='lists of different datasets'):
        voc(voc_root, exclude=f'{LISTS}/val.txt')


def test_labeled_part_needs_a_mask_folder(voc_root):
    class Plain(PartiallyLabeledMixin, ADE20KDataset):
        pass

    arguments = dict(data_root=str(voc_root), data_prefix=dict(img_path='JPEGImages'))
    with pytest.raises(ValueError, match='needs data_prefix.seg_map_path, or labeled=False'):
        Plain(**arguments)
    assert len(Plain(labeled=False, **arguments)) == 8


def test_files_are_listed_once_not_asked_one_by_one(voc_root, monkeypatch):
    listed, scandir = [], os.scandir
    monkeypatch.setattr(os, 'scandir', lambda path: listed.append(str(path)) or scandir(path))
    monkeypatch.setattr(os.path, 'exists', lambda path: pytest.fail(f'asked for {path}'))
    voc(voc_root)
    assert sorted(Path(path).name for path in listed) == ['JPEGImages', 'SegmentationClass']


def test_remote_files_are_not_listed(voc_root, monkeypatch):
    monkeypatch.setattr(os, 'scandir', lambda path: pytest.fail(f'listed {path}'))
    dataset = SemiVOCDataset(
        ann_file=str(voc_root / LISTS / 'train.txt'),
        data_prefix=dict(
            img_path='s3://bucket/voc/JPEGImages', seg_map_path='s3://bucket/voc/SegmentationClass'
        ),
    )
    assert dataset.get_data_info(0)['img_path'] == f's3://bucket/voc/JPEGImages/{VOC_IDS[0]}.jpg'


def test_data_root_is_optional_and_the_dataset_can_be_sent_to_workers(voc_root, monkeypatch):
    monkeypatch.chdir(voc_root)
    dataset = SemiVOCDataset(
        ann_file=f'{LISTS}/train.txt',
        data_prefix=dict(seg_map_path='SegmentationClass'),
        pipeline=LABELED,
    )
    copy = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(masks(copy)[5], masks(dataset)[5])


def test_cityscapes_layout(tmp_path):
    names = ['aachen/aachen_000000_000019', 'ulm/ulm_000001_000019', 'ulm/ulm_000002_000019']
    for seed, name in enumerate(names):
        write_image(tmp_path / f'leftImg8bit/train/{name}_leftImg8bit.png', seed=seed)
        write_mask(
            tmp_path / f'gtFine/train/{name}_gtFine_labelTrainIds.png', random_mask(seed, 19)
        )
    write_list(tmp_path / 'labeled.txt', names[1:2])
    labeled = SemiCityscapesDataset(
        data_root=str(tmp_path), ann_file='labeled.txt', pipeline=LABELED
    )
    np.testing.assert_array_equal(masks(labeled)[0], random_mask(1, 19))
    rest = SemiCityscapesDataset(data_root=str(tmp_path), exclude='labeled.txt', labeled=False)
    names_left = [f'{name.split("/")[1]}_leftImg8bit' for name in (names[0], names[2])]
    assert ids(rest) == names_left
    (tmp_path / f'leftImg8bit/train/{names[2]}_leftImg8bit.png').unlink()
    write_list(tmp_path / 'train.txt', names)
    with pytest.raises(FileNotFoundError, match='1 of the 3 images .*ulm_000002'):
        SemiCityscapesDataset(data_root=str(tmp_path), ann_file='train.txt')


def test_camvid_layouts(tmp_path):
    for seed, name in enumerate(['0001TP_1', '0001TP_2']):
        write_image(tmp_path / 'images' / f'{name}.jpg', seed=seed)
        write_mask(tmp_path / 'labels' / f'{name}.png', random_mask(seed, 11))
        write_image(tmp_path / 'train' / f'{name}.png', seed=seed)
        tutorial = random_mask(seed, 11)
        tutorial[tutorial == 255] = 11
        write_mask(tmp_path / 'trainannot' / f'{name}.png', tutorial)
    write_list(tmp_path / 'train.txt', ['0001TP_1', '0001TP_2'])
    usual = CamVidDataset(data_root=str(tmp_path), ann_file='train.txt', pipeline=LABELED)
    tutorial = CamVidDataset(
        data_root=str(tmp_path),
        img_suffix='.png',
        ignore_index=11,
        pipeline=LABELED,
        data_prefix=dict(img_path='train', seg_map_path='trainannot'),
    )
    assert len(usual.metainfo['classes']) == len(usual.metainfo['palette']) == 11
    for seed, pair in enumerate(zip(masks(usual), masks(tutorial), strict=True)):
        np.testing.assert_array_equal(pair[0], random_mask(seed, 11))
        np.testing.assert_array_equal(pair[1], random_mask(seed, 11))


def test_image_folder(tmp_path):
    files = ['a.jpg', 'b.JPG', 'sub/c.png', 'd.tif']
    for seed, name in enumerate(files):
        write_image(tmp_path / 'images' / name, seed=seed)
        write_mask(tmp_path / 'masks' / Path(name).with_suffix('.png'), random_mask(seed))
    (tmp_path / 'images' / 'notes.txt').write_text('no image')
    (tmp_path / 'images' / '._a.jpg').write_text('left by a file manager')
    write_list(tmp_path / 'labeled.txt', ['d', 'sub/c'])
    arguments = dict(data_root=str(tmp_path), metainfo=dict(classes=('x', 'y', 'z')))
    everything = ImageFolderSegDataset(pipeline=LABELED, **arguments)
    assert ids(everything) == ['a', 'b', 'd', 'c']
    for seed, mask in zip((0, 1, 3, 2), masks(everything), strict=True):
        np.testing.assert_array_equal(mask, random_mask(seed))
    assert ids(ImageFolderSegDataset('labeled.txt', **arguments)) == ['d', 'c']
    rest = ImageFolderSegDataset(exclude='labeled.txt', labeled=False, **arguments)
    assert ids(rest) == ['a', 'b']

    write_list(tmp_path / 'wrong.txt', ['a', 'nope'])
    with pytest.raises(FileNotFoundError, match=r'1 of the 2 images .*images/nope\.\*'):
        ImageFolderSegDataset('wrong.txt', **arguments)
    with pytest.raises(ValueError, match=r'metainfo=dict\(classes='):
        ImageFolderSegDataset(data_root=str(tmp_path))
    assert len(ImageFolderSegDataset(data_root=str(tmp_path), labeled=False)) == 4
    write_image(tmp_path / 'images' / 'a.png')
    with pytest.raises(ValueError, match="'a.jpg' and 'a.png' .* have the same id"):
        ImageFolderSegDataset(**arguments)


def test_image_folder_without_images(tmp_path):
    arguments = dict(data_root=str(tmp_path), labeled=False)
    with pytest.raises(FileNotFoundError, match="image folder .*images' does not exist"):
        ImageFolderSegDataset(**arguments)
    (tmp_path / 'images').mkdir()
    with pytest.raises(SplitError, match='has no file that ends in'):
        ImageFolderSegDataset(**arguments)


def test_a_damaged_image_is_named_with_the_way_out(tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    (folder / 'broken.jpg').write_bytes(b'\xff\xd8 not a picture')
    dataset = ImageFolderSegDataset(
        data_root=str(tmp_path),
        data_prefix=dict(img_path='images'),
        labeled=False,
        metainfo=dict(classes=('a', 'b')),
        pipeline=[dict(type='LoadImageFromFile')],
    )
    with pytest.raises(OSError, match=r'broken\.jpg.* is damaged.*les check'):
        dataset[0]
