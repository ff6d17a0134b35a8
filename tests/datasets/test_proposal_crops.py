"""Crops around proposals, for which boxes near objects are written by hand."""

import os
from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import DATASETS

from label_efficient_seg.datasets import box_crops
from label_efficient_seg.datasets.files.proposal_files import Proposals, write_proposals

from .test_object_crops import boxes, config, root  # noqa: F401 - a fixture

NEAR = {
    # The sheep are at (10, 10, 30, 30), the person at (40, 8, 50, 18).
    '0': [[12, 10, 30, 30], [10, 10, 30, 20], [41, 8, 50.5, 18], [10, 10, 30, 19], [0, 0, 60, 40]],
    '1': [[0, 25, 20, 40], [30, 0, 50, 20]],
    '2': [[0, 0, 30, 30]],
}


def write(root: Path, name: str, found: list, size=(40, 60)) -> None:  # noqa: F811
    scores = np.linspace(1, 0.5, len(found))
    path = root / f'proposals/{name}.npz'
    write_proposals(path, Proposals(np.array(found).reshape(-1, 4), scores, size), run='test')


@pytest.fixture
def folder(root) -> Path:  # noqa: F811
    for name, found in NEAR.items():
        write(root, name, found)
    return root


def build(folder: Path, proposals='proposals', min_size=4, **kwargs):
    cfg = config(folder, min_size=min_size, proposals=str(folder / proposals), **kwargs)
    return DATASETS.build(dict(cfg, type='ProposalCropDataset'))


def test_proposals_near_an_object_are_kept_with_all_classes(folder):
    dataset = build(folder)
    assert boxes(dataset) == [
        (0, 17, 12, 10, 30, 30),
        (0, 17, 10, 10, 30, 20),  # IoU of exactly 0.5
        (0, 15, 41, 8, 50, 18),
        (1, 10, 0, 25, 20, 40),
    ]
    assert dataset.crops.boxes[2, 2] == 50.5
    wide = build(folder, enlarge=4)
    whole = wide.dataset[0]
    x1, y1, x2, y2 = 0, 0, 57, 40  # 18 x 20 pixels around (21, 20)
    np.testing.assert_array_equal(wide[0]['gt_seg_map'], whole['gt_seg_map'][y1:y2, x1:x2])
    assert set(np.unique(wide[0]['gt_seg_map'])) == {0, 15, 17, 255}
    np.testing.assert_array_equal(wide[0]['img'], whole['img'][y1:y2, x1:x2])


def test_overlap_and_size_decide(folder):
    assert len(build(folder, min_iou=0.51)) == 3
    assert len(build(folder, min_iou=0.4)) == 5
    assert len(build(folder, min_size=10)) == 3
    # The person is a part of no sheep when instances are given; the first box holds both sheep.
    parted = build(folder, instances='SegmentationObject')
    assert (0, 15, 41, 8, 50, 18) in boxes(parted)
    with pytest.raises(ValueError, match='lower min_size'):
        build(folder, min_iou=1)


def test_cache_follows_the_proposals(folder, monkeypatch):
    before = boxes(build(folder))
    with monkeypatch.context() as patch:
        patch.setattr(box_crops.BoxCropDataset, '_find', None)
        assert boxes(build(folder)) == before
        with pytest.raises(TypeError):
            build(folder, min_iou=0.6)
    write(folder, '1', [[0, 20, 20, 40]])
    assert boxes(build(folder))[-1] == (1, 10, 0, 20, 20, 40)
    write(folder, '1', [])
    assert boxes(build(folder)) == before[:-1]


def test_bad_input(folder):
    with pytest.raises(ValueError, match='min_iou is 0'):
        build(folder, min_iou=0)
    with pytest.raises(FileNotFoundError, match=r'0\.jpg.*has no proposals.*les proposals'):
        build(folder, proposals='nowhere')
    write(folder, '1', [[0, 0, 5, 5]], size=(60, 40))
    with pytest.raises(ValueError, match=r'mask .* is 60x40 .* is 40x60 .*1\.npz'):
        build(folder)
    os.remove(folder / 'proposals/2.npz')
    with pytest.raises(FileNotFoundError, match=r'2\.jpg'):
        build(folder)
