from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import Pad
from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs, RandomCrop
from PIL import Image

from label_efficient_seg.datasets.files.masks import MaskError
from label_efficient_seg.datasets.transforms import LoadCheckedAnnotations, LoadValidMask


def item(path: Path, **changes) -> dict:
    results = dict(
        img_path='images/a.jpg',
        seg_map_path=str(path),
        ori_shape=(6, 5),
        num_classes=3,
        label_map=None,
        reduce_zero_label=False,
        seg_fields=[],
    )
    results.update(changes)
    return results


@pytest.fixture
def mask() -> np.ndarray:
    return np.random.default_rng(0).choice(np.array([0, 1, 2, 255], np.uint8), (6, 5))


@pytest.fixture
def mask_path(tmp_path: Path, mask: np.ndarray) -> Path:
    path = tmp_path / 'a.png'
    Image.fromarray(mask).save(path)
    return path


@pytest.mark.parametrize('reduce_zero_label', [False, True])
@pytest.mark.parametrize('label_map', [None, {0: 255, 1: 0, 2: 1}, {0: 2, 1: 255, 2: 0}])
def test_gives_what_mmseg_gives(mask_path, reduce_zero_label, label_map):
    changes = dict(reduce_zero_label=reduce_zero_label, label_map=label_map)
    ours = LoadCheckedAnnotations()(item(mask_path, **changes))
    theirs = LoadAnnotations()(item(mask_path, **changes))
    np.testing.assert_array_equal(ours['gt_seg_map'], theirs['gt_seg_map'])
    assert ours['gt_seg_map'].dtype == np.uint8
    assert ours['seg_fields'] == ['gt_seg_map']


def test_reads_indices_of_a_palette_mask(tmp_path, mask):
    image = Image.fromarray(mask).convert('P')
    image.putdata(mask.ravel().tolist())
    image.putpalette([255 - i // 3 for i in range(768)])
    image.save(tmp_path / 'p.png')
    results = LoadCheckedAnnotations()(item(tmp_path / 'p.png'))
    np.testing.assert_array_equal(results['gt_seg_map'], mask)


def test_ignore_index_of_the_files_becomes_255(tmp_path):
    mask = np.array([[0, 11, 1], [2, 11, 255]], np.uint8)
    Image.fromarray(mask).save(tmp_path / 'a.png')
    results = item(tmp_path / 'a.png', ori_shape=(2, 3), ignore_index=11)
    loaded = LoadCheckedAnnotations()(results)['gt_seg_map']
    np.testing.assert_array_equal(loaded, [[0, 255, 1], [2, 255, 255]])


def test_names_stray_values_with_their_pixels(tmp_path, mask):
    mask[2, :4] = 30
    mask[3, 1] = 200
    Image.fromarray(mask).save(tmp_path / 'a.png')
    with pytest.raises(
        MaskError, match=r'outside the 3 classes: 30 \(4 pixels\), 200 \(1 pixel\)'
    ) as e:
        LoadCheckedAnnotations()(item(tmp_path / 'a.png'))
    for part in (
        str(tmp_path / 'a.png'),
        'images/a.jpg',
        'les check CONFIG',
        'ignore_index',
        'reduce_zero_label',
    ):
        assert part in str(e.value)


def test_stray_values_are_those_of_the_file(tmp_path):
    Image.fromarray(np.full((6, 5), 9, np.uint8)).save(tmp_path / 'a.png')
    with pytest.raises(MaskError, match=r': 9 \(30 pixels\)'):
        LoadCheckedAnnotations()(item(tmp_path / 'a.png', reduce_zero_label=True))


def test_without_a_number_of_classes_labels_are_not_checked(tmp_path):
    Image.fromarray(np.full((6, 5), 30, np.uint8)).save(tmp_path / 'a.png')
    results = item(tmp_path / 'a.png')
    del results['num_classes'], results['ori_shape']
    assert (LoadCheckedAnnotations()(results)['gt_seg_map'] == 30).all()


def test_16_bit_values_do_not_wrap_around(tmp_path):
    Image.fromarray(np.full((6, 5), 257, np.uint16)).save(tmp_path / 'a.png')
    with pytest.raises(MaskError, match=r': 257 \(30 pixels\)'):
        LoadCheckedAnnotations()(item(tmp_path / 'a.png'))
    Image.fromarray(np.full((6, 5), 2, np.uint16)).save(tmp_path / 'b.png')
    assert (LoadCheckedAnnotations()(item(tmp_path / 'b.png'))['gt_seg_map'] == 2).all()


def test_one_bit_mask(tmp_path):
    Image.fromarray(np.eye(6, 5, dtype=bool)).save(tmp_path / 'a.png')
    loaded = LoadCheckedAnnotations()(item(tmp_path / 'a.png'))['gt_seg_map']
    np.testing.assert_array_equal(loaded, np.eye(6, 5))


def test_size_must_be_that_of_the_image(mask_path):
    with pytest.raises(MaskError, match=r'is 5x6 \(width x height\), but the image is 6x5'):
        LoadCheckedAnnotations()(item(mask_path, ori_shape=(5, 6)))


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'LA'])
def test_colour_mask(tmp_path, mask, mode):
    Image.fromarray(mask).convert(mode).save(tmp_path / 'a.png')
    with pytest.raises(MaskError, match=f'has {len(mode)} channels.*palette PNG'):
        LoadCheckedAnnotations()(item(tmp_path / 'a.png'))


def test_missing_mask(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nope.png' of image 'images/a.jpg'.*data_root"):
        LoadCheckedAnnotations()(item(tmp_path / 'nope.png'))


@pytest.mark.parametrize('content', [b'', b'no image', None])
def test_unreadable_mask(tmp_path, mask_path, content):
    content = mask_path.read_bytes()[:-30] if content is None else content
    mask_path.write_bytes(content)
    with pytest.raises(OSError, match=r"a.png' of image 'images/a.jpg' is (empty|damaged)"):
        LoadCheckedAnnotations()(item(mask_path))


def test_unlabeled_image_in_a_labeled_pipeline(mask_path):
    results = item(mask_path)
    del results['seg_map_path']
    with pytest.raises(KeyError, match='images/a.jpg.*LoadValidMask'):
        LoadCheckedAnnotations()(results)


def test_contradicting_reduce_zero_label(mask_path):
    with pytest.warns(UserWarning), pytest.raises(ValueError, match='set it on the dataset only'):
        LoadCheckedAnnotations(reduce_zero_label=True)(item(mask_path))


def test_valid_mask_marks_padding():
    image = np.zeros((6, 5, 3), np.uint8)
    results = LoadValidMask()(dict(img=image, img_path='a.jpg'))
    assert results['seg_fields'] == ['gt_seg_map']
    assert results['gt_seg_map'].dtype == np.uint8
    assert results['gt_seg_map'].shape == (6, 5)
    assert not results['gt_seg_map'].any()
    results = RandomCrop((4, 8))(results)
    results = Pad(size=(8, 4), pad_val=dict(img=(1, 2, 3), seg=255))(results)
    mask = PackSegInputs()(results)['data_samples'].gt_sem_seg.data
    assert mask.shape == (1, 4, 8)
    assert (mask[..., :5] == 0).all()
    assert (mask[..., 5:] == 255).all()


def test_images_of_no_dataset_pass_as_in_mmsegs_inference(tmp_path):
    image = np.zeros((4, 5, 3), np.uint8)
    results = dict(img=image, img_path='any.jpg')
    assert LoadCheckedAnnotations()(dict(results)) == results
