import numpy as np
import pytest
import torch

from label_efficient_seg.ops import as_boxes, crop_boxes, paste_scores, prepare_boxes
from tests.models.test_cam_segmentor import bilinear

SIZE = (37, 51)


def some_boxes(number: int, seed: int = 0) -> torch.Tensor:
    """Overlapping boxes of all sizes, with one of a single pixel and the whole image."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.permuted(np.tile(np.arange(SIZE[1] + 1), (number, 1)), axis=1)[:, :2], axis=1)
    y = np.sort(rng.permuted(np.tile(np.arange(SIZE[0] + 1), (number, 1)), axis=1)[:, :2], axis=1)
    boxes = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)
    boxes[0], boxes[-1] = (SIZE[1] - 1, 3, SIZE[1], 4), (0, 0, SIZE[1], SIZE[0])
    return torch.from_numpy(boxes)


def triangle(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (C, h, w) by weights that fall linearly over the pixels that a pixel stands for."""
    for axis, length in ((1, size[0]), (2, size[1])):
        old = values.shape[axis]
        width = max(old / length, 1)
        center = (np.arange(length)[:, None] + 0.5) * old / length
        weight = np.clip(1 - abs(np.arange(old) + 0.5 - center) / width, 0, None)
        weight /= weight.sum(axis=1, keepdims=True)
        values = np.moveaxis(np.tensordot(weight, values, (1, axis)), 0, axis)
    return values


def full_size_maps(scores: np.ndarray, boxes: np.ndarray, resize=triangle) -> np.ndarray:
    """One map of the whole image per box, zero around the box, after one of zeros."""
    maps = np.zeros((len(boxes) + 1, scores.shape[1], *SIZE))
    for full, score, (x1, y1, x2, y2) in zip(maps[1:], scores, boxes, strict=True):
        full[:, y1:y2, x1:x2] = resize(score, (y2 - y1, x2 - x1))
    return maps


@pytest.mark.parametrize('shift', [0.0, -4.0, 4.0])
@pytest.mark.parametrize(('batch_size', 'antialias'), [(1, True), (7, False), (20, True)])
def test_equals_full_size_maps(batch_size, antialias, shift):
    boxes, scores = some_boxes(20), torch.randn(20, 3, 16, 12, dtype=torch.float64) + shift
    resize = triangle if antialias else bilinear
    maps = full_size_maps(scores.numpy(), boxes.numpy(), resize)
    for aggregation, expected in (('max', maps.max(0)), ('sum', maps.sum(0))):
        total = torch.zeros(3, *SIZE, dtype=torch.float64)
        for part, part_scores in zip(
            boxes.split(batch_size), scores.split(batch_size), strict=True
        ):
            assert paste_scores(total, part_scores, part, aggregation, antialias) is total
        np.testing.assert_allclose(total, expected, rtol=0, atol=1e-9)


def test_nothing_to_paste_and_half_precision():
    total = torch.zeros(3, *SIZE)
    paste_scores(total, torch.zeros(0, 3, 8, 8), torch.zeros(0, 4, dtype=torch.int64))
    assert not total.any()
    paste_scores(total, torch.full((1, 3, 8, 8), 0.5).half(), torch.tensor([[2, 3, 9, 5]]))
    assert total.dtype == torch.float32 and total.sum() == 0.5 * 3 * 7 * 2


@pytest.mark.parametrize(
    ('scores', 'aggregation', 'message'),
    [((1, 3, 8, 8), 'mean', "'max' or 'sum', but is 'mean'"), ((2, 3, 8, 8), 'max', '1 boxes'),
     ((1, 4, 8, 8), 'max', 'map of 3 classes')],
)  # fmt: skip
def test_what_does_not_fit_is_refused(scores, aggregation, message):
    box = torch.tensor([[0, 0, 4, 4]])
    with pytest.raises(ValueError, match=message):
        paste_scores(torch.zeros(3, *SIZE), torch.zeros(scores), box, aggregation)


@pytest.mark.parametrize(('antialias', 'resize'), [(True, triangle), (False, bilinear)])
def test_crops_are_resized_boxes(antialias, resize):
    image, boxes = torch.randn(3, *SIZE), some_boxes(6)
    crops = crop_boxes(image, boxes, (24, 20), antialias)
    for crop, (x1, y1, x2, y2) in zip(crops, boxes.tolist(), strict=True):
        expected = resize(image[:, y1:y2, x1:x2].double().numpy(), (24, 20))
        np.testing.assert_allclose(crop, expected, atol=1e-5)
    assert crop_boxes(image, boxes[:0], (24, 20)).shape == (0, 3, 24, 20)


def test_boxes_are_enlarged_around_their_centres_and_cut():
    boxes = [[10, 10, 20, 30], [0, 0, 10, 10], [40, 30, 51, 37]]
    expected = [[9, 8, 21, 32], [0, 0, 11, 11], [39, 29, 51, 37]]
    assert prepare_boxes(boxes, SIZE).tolist() == expected
    unchanged = prepare_boxes(np.array(boxes, np.float32), SIZE, enlarge=1)
    assert unchanged.tolist() == boxes and unchanged.dtype == torch.int64


def test_edges_are_rounded_to_the_nearest_pixel_halves_upwards():
    # Exact edges: 4.5 and 10.5, 5.5 and 11.5, then 2.6 and 7.4.
    boxes = [[5, 6, 10, 11], [3, 3, 7, 7]]
    assert prepare_boxes(boxes, SIZE).tolist() == [[5, 6, 11, 12], [3, 3, 7, 7]]
    # A pixel between two pixels is one of them.
    assert prepare_boxes([[1.5, 2.5, 2.5, 3.5]], SIZE, enlarge=1).tolist() == [[2, 3, 3, 4]]


def test_boxes_that_show_nothing_are_left_out():
    boxes = [
        [5, 5, 5, 9], [5, 9, 8, 9], [8, 5, 5, 9], [8, 9, 5, 5],  # no area, or less
        [-20, 0, -10, 10], [60, 0, 70, 10], [0, 37, 10, 50], [0, -9, 10, -2],  # elsewhere
        [3.1, 3.1, 3.3, 3.3],  # between the pixels
        [-5, 30, 100, 99], [-2, -2, 0.4, 0.4],  # partly inside
    ]  # fmt: skip
    assert prepare_boxes(boxes, SIZE, enlarge=1).tolist() == [[0, 30, 51, 37]]
    # Enlarged, the last has a pixel.
    assert prepare_boxes(boxes, SIZE).tolist()[-1] == [0, 0, 1, 1]
    for empty in ([], torch.zeros(0, 4), np.zeros((0, 4), np.float32)):
        assert prepare_boxes(empty, SIZE).shape == (0, 4)


def test_small_boxes_do_not_count():
    boxes = [[0, 0, 10, 9], [0, 0, 10, 10], [0, 0, 40, 5], [0, 0, 30, 30], [5, 5, 25, 25]]
    # 12 pixels are the shorter side of the second, enlarged; 11 of it are in the image.
    expected = [[0, 0, 11, 11], [0, 0, 33, 33]]
    assert prepare_boxes(boxes, SIZE, min_size=12, limit=2).tolist() == expected
    assert len(prepare_boxes(boxes, SIZE, min_size=12)) == 3


@pytest.mark.parametrize(
    ('boxes', 'message'),
    [(torch.zeros(4, 5), r'shape \(4, 5\)'), ([1.0, 2.0, 3.0, 4.0], r'shape \(4,\)'),
     ([[0, 0, float('nan'), 2]], 'NaN or infinity')],
)  # fmt: skip
def test_unreadable_boxes_are_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        as_boxes(boxes)
