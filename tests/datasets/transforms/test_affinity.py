"""Labels on the grid against a rendering cell by cell."""

from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import Pad
from mmseg.datasets.transforms import PackSegInputs, RandomCrop, RandomFlip
from PIL import Image

from label_efficient_seg.datasets import ImageFolderSegDataset, write_class_maps
from label_efficient_seg.datasets.transforms import AffinityTarget, LoadAffinityScores

CLASSES = [0, 2, 5]


def scores(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two opinions that are often alike, as random blocks of 5 pixels."""
    rng = np.random.default_rng(0)
    coarse = rng.random((3, size[0] // 5 + 1, size[1] // 5 + 1))
    low = coarse.repeat(5, 1).repeat(5, 2)[:, : size[0], : size[1]]
    high = low.copy()
    high[0] *= 0.8  # underrates the background
    return low, high


def loaded(path: Path, size: tuple[int, int] = (45, 61), **changes) -> dict:
    """Results behind LoadAffinityScores; the image holds the coordinates of its pixels."""
    low, high = scores(size)
    write_class_maps(path, CLASSES, low=low, high=high)
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.uint8)
    item = dict(
        img=np.stack([rows, columns, rows * 0 + 1], axis=-1), img_path='a.jpg', img_shape=size,
        ori_shape=size, seg_map_path=str(path), seg_fields=[], num_classes=6,
    )  # fmt: skip
    return LoadAffinityScores()(item | changes)


def rendered(image: np.ndarray, size: tuple[int, int], crop: int, stride: int) -> np.ndarray:
    """Labels of a crop: its pixels say where they come from."""
    low, high = (maps.astype(np.float16).astype(float) for maps in scores(size))
    labels = np.zeros((crop // stride, crop // stride), int)
    for cell in np.ndindex(*labels.shape):
        sums = np.zeros((2, 3))
        for offset in np.ndindex(stride, stride):
            y, x = np.array(cell) * stride + offset
            if y < image.shape[0] and x < image.shape[1]:
                row, column, inside = image[y, x]
                sums += inside * np.stack([low[:, row, column], high[:, row, column]])
        best_low, best_high = sums.argmax(1)
        label = CLASSES[best_low] if best_low else 255
        label = 0 if best_high == 0 else label
        labels[cell] = 255 if sums.max() == 0 else label
    return labels


def test_loaded_scores_lie_beside_the_image(tmp_path):
    results = loaded(tmp_path / 'a.npz')
    low, high = scores((45, 61))
    for key, maps in (('affinity_low', low), ('affinity_high', high)):
        assert results[key].dtype == np.float32
        np.testing.assert_allclose(results[key], maps.transpose(1, 2, 0), atol=1e-3)
    assert results['seg_fields'] == ['affinity_low', 'affinity_high']
    assert results['affinity_classes'].tolist() == CLASSES


@pytest.mark.parametrize('stride', [8, 4])
@pytest.mark.parametrize('size', [(45, 61), (70, 33), (24, 20)])
def test_labels_of_random_crops_and_flips(tmp_path, size, stride):
    steps = [
        RandomCrop((32, 32)),
        RandomFlip(prob=0.5, direction='horizontal'),
        Pad(size=(32, 32), pad_val=dict(img=0, seg=255)),
        AffinityTarget((32, 32), stride),
    ]
    found = set()
    for seed in range(12):
        np.random.seed(seed)
        results = loaded(tmp_path / 'a.npz', size)
        for step in steps:
            results = step(results)
        expected = rendered(results['img'], size, 32, stride)
        np.testing.assert_array_equal(results['gt_seg_map'], expected)
        assert results['seg_fields'] == ['gt_seg_map']
        assert not [key for key in results if key.startswith('affinity')]
        found |= {*np.unique(expected), f'flip {results["flip"]}'}
    assert found == {0, 2, 5, 255, 'flip True', 'flip False'}
    sample = PackSegInputs()(results)
    assert sample['inputs'].shape == (3, 32, 32)
    assert sample['data_samples'].gt_sem_seg.shape == (32 // stride, 32 // stride)


def test_an_image_without_classes_is_background(tmp_path):
    ones = np.ones((1, 16, 9))
    write_class_maps(tmp_path / 'a.npz', [0], low=ones, high=ones)
    item = dict(
        img=np.zeros((16, 9, 3), np.uint8), seg_map_path=str(tmp_path / 'a.npz'), seg_fields=[]
    )
    results = AffinityTarget((16, 24))(LoadAffinityScores()(item))
    np.testing.assert_array_equal(results['gt_seg_map'], [[0, 0, 255], [0, 0, 255]])


def test_files_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / 'a.npz'
    with pytest.raises(ValueError, match=r"a.npz' have the size \(45, 61\), but the image 'a.jpg'"):
        loaded(path, img=np.zeros((45, 60, 3)))
    with pytest.raises(ValueError, match='have the class 5, but the dataset has 3 classes'):
        loaded(path, num_classes=3)
    write_class_maps(path, [2], cam=np.zeros((1, 4, 4)))
    item = dict(img=np.zeros((4, 4, 3)), seg_map_path=str(path), seg_fields=[])
    with pytest.raises(ValueError, match='no affinity scores but the maps cam; .*"scores"'):
        LoadAffinityScores()(item)
    Image.new('L', (4, 4)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='holds no class maps'):
        LoadAffinityScores()(item | dict(seg_map_path=str(tmp_path / 'a.png')))
    with pytest.raises(FileNotFoundError, match='gone.npz'):
        LoadAffinityScores()(item | dict(seg_map_path=str(tmp_path / 'gone.npz')))


def test_crops_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(ValueError, match=r'crop_size=\(40, 44\) .* multiples of its stride=8'):
        AffinityTarget((40, 44))
    with pytest.raises(ValueError, match='scores of 45 x 61 for a crop_size of 32 x 64'):
        AffinityTarget((32, 64))(loaded(tmp_path / 'a.npz'))


def test_a_dataset_finds_the_scores_of_its_images(tmp_path):
    for name in ('b/1', 'b/2'):
        (tmp_path / 'images/b').mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (61, 45)).save(tmp_path / 'images' / f'{name}.jpg')
        low, high = scores((45, 61))
        write_class_maps(tmp_path / 'scores' / f'{name}.npz', CLASSES, low=low, high=high)
    dataset = ImageFolderSegDataset(
        data_root=str(tmp_path),
        data_prefix=dict(img_path='images', seg_map_path=str(tmp_path / 'scores')),
        seg_map_suffix='.npz',
        metainfo=dict(classes=tuple('abcdef')),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAffinityScores'),
            dict(type='AffinityTarget', crop_size=(48, 64)),
            dict(type='PackSegInputs'),
        ],
    )
    assert len(dataset) == 2
    assert dataset[1]['data_samples'].gt_sem_seg.shape == (6, 8)
