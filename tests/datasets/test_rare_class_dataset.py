from collections import Counter

import cv2
import numpy as np
import pytest
import torch

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.datasets import RareClassDataset, SeededSamples

from .conftest import write_image, write_mask

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadCheckedAnnotations'),
    dict(type='RandomCrop', crop_size=(8, 8)),
    dict(type='PackSegInputs'),
]
# Rows of a mask of 24x32 by class and image; class 2 is rare, class 3 fills one row of one image.
ROWS = [{0: 24}, {0: 20, 1: 4}, {1: 22, 3: 2}, {0: 16, 2: 8}]


@pytest.fixture
def cfg(tmp_path) -> dict:
    for number, rows in enumerate(ROWS):
        mask = np.concatenate([np.full((n, 32), c, np.uint8) for c, n in rows.items()])
        write_image(tmp_path / f'images/{number}.png', height=24, width=32, seed=number)
        write_mask(tmp_path / f'masks/{number}.png', mask)
    return dict(
        type='ImageFolderSegDataset',
        data_root=str(tmp_path),
        metainfo=dict(classes=('a', 'b', 'c', 'd', 'e')),
        pipeline=PIPELINE,
    )


def build(cfg: dict, tmp_path, **kwargs) -> RareClassDataset:
    arguments = dict(temperature=0.2, min_pixels=70, min_crop_ratio=0.5, cache=str(tmp_path))
    return RareClassDataset(cfg, **dict(arguments, **kwargs))


def test_probabilities_and_images_of_the_paper(cfg, tmp_path):
    dataset = build(cfg, tmp_path)
    # Image 2 has 64 pixels of class 3, too few; no image has class 4.
    assert dataset.classes.tolist() == [0, 1, 2]
    assert [images.tolist() for images in dataset.images] == [[0, 1, 3], [1, 2], [3]]
    shares = torch.tensor([60, 26, 8]) / 96
    expected = torch.softmax((1 - shares) / 0.2, 0)
    assert dataset.probabilities == pytest.approx(expected.numpy(), abs=1e-6)
    assert build(cfg, tmp_path, min_pixels=50).classes.tolist() == [0, 1, 2, 3]


def test_draws_follow_the_probabilities_and_the_seed(cfg, tmp_path):
    dataset = build(cfg, tmp_path, min_crop_ratio=0.0)
    np.random.seed(0)
    drawn = Counter(dataset[0]['data_samples'].img_path[-5] for _ in range(600))
    p = dataset.probabilities
    expected = [p[0] / 3, p[0] / 3 + p[1] / 2, p[1] / 2, p[0] / 3 + p[2]]
    assert [drawn[str(i)] / 600 for i in range(4)] == pytest.approx(expected, abs=0.06)

    wrapped = dict(type='RareClassDataset', dataset=cfg, min_pixels=70, cache=str(tmp_path))
    seeded = SeededSamples(wrapped, seed=1)
    first, again, other = (seeded[key] for key in ((5, 0), (5, 3), (6, 0)))
    assert torch.equal(first['inputs'], again['inputs'])
    assert not torch.equal(first['inputs'], other['inputs'])


def test_crops_are_repeated_until_they_show_the_class(cfg, tmp_path):
    dataset = build(cfg, tmp_path, temperature=0.001)
    np.random.seed(0)
    assert dataset.probabilities[2] > 0.99
    crops = [dataset[0]['data_samples'].gt_sem_seg.data for _ in range(40)]
    # A single crop shows 36 pixels or more of the last 8 of 24 rows in 4 of 17 places.
    assert np.mean([(crop == 2).sum() > 35 for crop in crops]) > 0.8


def test_counts_are_kept_until_a_mask_changes(cfg, tmp_path, monkeypatch):
    build(cfg, tmp_path)
    (path,) = tmp_path.glob('class-counts-*.npz')
    monkeypatch.setattr(np, 'bincount', None)  # nothing is counted again
    build(cfg, tmp_path)
    monkeypatch.undo()
    cv2.imwrite(str(tmp_path / 'masks/0.png'), np.ones((24, 32), np.uint8))
    assert build(cfg, tmp_path).images[1].tolist() == [0, 1, 2]
    path.write_bytes(b'damaged')
    build(cfg, tmp_path)


def test_mistakes_are_named(cfg, tmp_path):
    with pytest.raises(UserError, match='lower min_pixels'):
        build(cfg, tmp_path, min_pixels=10_000)
    with pytest.raises(UserError, match='labeled part'):
        unlabeled = [PIPELINE[0], dict(type='LoadValidMask'), *PIPELINE[2:]]
        build(dict(cfg, labeled=False, pipeline=unlabeled), tmp_path)
