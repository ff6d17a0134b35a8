"""IoU by the size of objects against masks counted by hand and a flood fill."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

from label_efficient_seg.evaluation import object_sizes


def evaluate(predictions: list[np.ndarray], truths: list[np.ndarray], classes=3, **kwargs) -> dict:
    metric = Evaluator([METRICS.build(dict(type='ObjectSizeIoUMetric', **kwargs))])
    metric.dataset_meta = dict(classes=[f'class {index}' for index in range(classes)])
    for prediction, truth in zip(predictions, truths, strict=True):
        sample = SegDataSample(
            pred_sem_seg=PixelData(data=torch.from_numpy(prediction)[None]),
            gt_sem_seg=PixelData(data=torch.from_numpy(truth)[None]),
        )
        metric.process([sample.to_dict()])
    return metric.evaluate(len(truths))


def flood(mask: np.ndarray) -> np.ndarray:
    """Sizes of components by spreading from pixel to pixel."""
    sizes = np.zeros(mask.shape)
    seen = np.isin(mask, [0, 255])
    for start in zip(*np.nonzero(~seen), strict=True):
        if seen[start]:
            continue
        part, todo = [], [start]
        seen[start] = True
        while todo:
            y, x = todo.pop()
            part.append((y, x))
            for v in range(max(y - 1, 0), min(y + 2, mask.shape[0])):
                for u in range(max(x - 1, 0), min(x + 2, mask.shape[1])):
                    if not seen[v, u] and mask[v, u] == mask[y, x]:
                        seen[v, u] = True
                        todo.append((v, u))
        for pixel in part:
            sizes[pixel] = len(part) ** 0.5
    return sizes


def test_sizes_equal_a_flood_fill():
    rng = np.random.default_rng(0)
    mask = rng.choice([0, 0, 0, 1, 2, 255], (17, 23)).astype(np.uint8)
    np.testing.assert_allclose(object_sizes(mask), flood(mask))


def test_other_sizes_are_ignored_and_background_counts():
    truth = np.zeros((20, 20), np.int64)
    truth[1:3, 1:3] = 1  # size 2
    truth[5:15, 5:15] = 1  # size 10
    truth[17, 17:20] = 2  # size 1.7
    truth[0] = 255
    prediction = np.zeros_like(truth)
    prediction[1:3, 1] = 1  # half of the small object
    prediction[5:15, 5:13] = 1  # most of the large one
    prediction[5:15, 13:15] = 2
    prediction[19, :6] = 1  # in the background
    prediction[0] = 2  # ignored
    sizes = dict(mIoU_small=(0, 5), mIoU_large=(5, 100), mIoU_huge=(100, 200))
    metrics = evaluate([prediction], [truth], sizes=sizes)
    small = (2 / (4 + 6) + 0) / 2  # class 2 is found nowhere, and inside the large object ignored
    large = 80 / (100 + 6)
    assert metrics['mIoU_small'] == pytest.approx(100 * small, abs=0.01)
    assert metrics['mIoU_large'] == pytest.approx(100 * large, abs=0.01)
    assert np.isnan(metrics['mIoU_huge'])


def test_pixels_add_up_over_images():
    truths = [np.array([[1, 1, 0, 0]]), np.array([[0, 0, 1, 1]])]
    predictions = [np.array([[1, 1, 0, 0]]), np.array([[1, 1, 0, 0]])]
    metrics = evaluate(predictions, truths, classes=2)
    assert metrics['mIoU_small'] == pytest.approx(100 * 2 / 6, abs=0.01)


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match='mIoU_small of ObjectSizeIoUMetric has the sizes 5 to 5'):
        METRICS.build(dict(type='ObjectSizeIoUMetric', sizes=dict(mIoU_small=(5, 5))))
