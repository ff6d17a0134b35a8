import cv2
import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from label_efficient_seg.datasets import ToyDataset
from label_efficient_seg.datasets.files.instances import object_boxes
from label_efficient_seg.datasets.proposals import METHODS, Objectness, make_proposals
from label_efficient_seg.datasets.proposals.edges import find_edges
from label_efficient_seg.datasets.proposals.objectness import CUT, FLOOR, OUTSIDE, POWER, RING
from label_efficient_seg.datasets.proposals.windows import suppress, window_grid

contributed = pytest.mark.skipif(not hasattr(cv2, 'ximgproc'), reason='needs OpenCV contrib')
ALL = ['windows', *(pytest.param(x, marks=contributed) for x in ('edge_boxes', 'selective_search'))]


def overlaps_of(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    return box_iou(torch.as_tensor(boxes).double(), torch.as_tensor(others).double()).numpy()


def picture(size: tuple[int, int] = (40, 60), seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_NEAREST)


def slow_objectness(image: np.ndarray, box: tuple[int, int, int, int]) -> float:
    edges = find_edges(image)
    strength = np.maximum(edges.strength - FLOOR, 0)
    height, width = strength.shape
    x1, y1, x2, y2 = box
    w, h = x2 - x1, y2 - y1
    dx, dy = max(round(RING * w), 1), max(round(RING * h), 1)
    inside = around = cut = 0.0
    for y in range(height):
        for x in range(width):
            if x1 <= x < x2 and y1 <= y < y2:
                in_center = x1 + w // 4 <= x < x2 - w // 4 and y1 + h // 4 <= y < y2 - h // 4
                inside += 0 if in_center else strength[y, x]
            elif x1 - dx <= x < x2 + dx and y1 - dy <= y < y2 + dy:
                around += strength[y, x]
    for line in (x1, x2):
        for y in range(y1, y2) if 0 < line < width else ():
            cut += min(strength[y, x] * abs(edges.y[y, x]) for x in (line - 1, line))
    for line in (y1, y2):
        for x in range(x1, x2) if 0 < line < height else ():
            cut += min(strength[y, x] * abs(edges.x[y, x]) for y in (line - 1, line))
    return (inside - CUT * cut - OUTSIDE * around) / (2 * (w + h)) ** POWER


def test_objectness_pixel_by_pixel():
    image = picture()
    boxes = np.array(
        [[0, 0, 60, 40], [3, 5, 30, 20], [40, 12, 60, 33], [7, 7, 8, 8], [9, 0, 21, 7]]
    )
    expected = [slow_objectness(image, box) for box in boxes.tolist()]
    np.testing.assert_allclose(Objectness(image)(boxes), expected, rtol=1e-4, atol=1e-6)


def test_suppression_against_a_loop():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 20, (200, 2))
    boxes = np.concatenate([corners, corners + rng.integers(5, 20, (200, 2))], axis=1)
    kept = []
    for index, overlaps in enumerate(overlaps_of(boxes, boxes)):
        if not kept or overlaps[kept].max() <= 0.6:
            kept.append(index)
    assert 10 < len(kept) < 200
    assert suppress(boxes, 200).tolist() == kept and suppress(boxes, 7).tolist() == kept[:7]
    assert suppress(boxes[:0], 7).tolist() == []


@pytest.mark.parametrize('size', [(1, 1), (3, 200), (50, 9), (64, 96)])
def test_windows_lie_in_the_image_and_reach_every_box(size):
    boxes = window_grid(size)
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= size[::-1]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all() and len(np.unique(boxes, axis=0)) == len(boxes)
    assert [0, 0, size[1], size[0]] in boxes.tolist()
    if size == (64, 96):
        others = np.array([[5, 9, 25, 33], [50, 2, 93, 60], [61, 40, 90, 56]])
        assert overlaps_of(others, boxes).max(axis=1).min() > 0.7


@pytest.mark.parametrize('method', ALL)
def test_proposals_of_any_image(method):
    for image in (picture(), np.zeros((33, 20, 3), np.uint8), picture((90, 30))):
        found = make_proposals(image, method, 100)
        again = make_proposals(image.copy(), method, 100)
        assert found.size == image.shape[:2] and len(found.boxes) == len(found.scores) <= 100
        assert found.boxes.dtype == np.float32 and (np.diff(found.scores) <= 0).all()
        np.testing.assert_array_equal(found.boxes, again.boxes)
        assert (found.boxes[:, 2:] <= image.shape[1::-1]).all() and (found.boxes >= 0).all()


@pytest.mark.parametrize('method', ALL)
def test_fewer_proposals_are_the_best_of_more(method):
    few, many = (make_proposals(picture((60, 80)), method, num) for num in (5, 200))
    assert len(few.boxes) == 5
    if method != 'edge_boxes':  # which looks less far when fewer are wanted
        np.testing.assert_array_equal(few.boxes, many.boxes[:5])


def test_recall_on_toy_images():
    spec = dict(num_train=8, num_val=1, num_target_train=1, num_target_val=1)
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadCheckedAnnotations')]
    objects = found = 0
    for item in ToyDataset(spec=spec, pipeline=pipeline):
        boxes = np.array([box for _, box in object_boxes(item['gt_seg_map'])])
        boxes = boxes[(boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= 12]
        proposals = make_proposals(item['img'], num=50).boxes
        objects += len(boxes)
        found += (overlaps_of(boxes, proposals).max(axis=1) >= 0.5).sum()
    assert objects > 15 and found >= 0.8 * objects


def test_bad_settings(monkeypatch):
    with pytest.raises(ValueError, match="unknown method 'x'; choose one of windows, edge_boxes"):
        make_proposals(picture(), 'x')
    with pytest.raises(ValueError, match='must be positive, but is 0'):
        make_proposals(picture(), num=0)
    with pytest.raises(ValueError, match=r'float64 of \(4, 4\)'):
        make_proposals(np.zeros((4, 4)))
    monkeypatch.delattr(cv2, 'ximgproc', raising=False)
    for method in METHODS.keys() - {'windows'}:
        with pytest.raises(ImportError, match=f"'{method}' needs .* --no-deps opencv-contrib-py"):
            make_proposals(picture(), method)
