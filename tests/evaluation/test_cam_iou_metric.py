"""Metrics of CAMs against a loop over thresholds, classes and images."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

from label_efficient_seg.evaluation import (
    ThresholdSweep,
    alpha_threshold,
    cam_iou_metric,
    label_areas,
    mean_iou,
)
from label_efficient_seg.ops import with_background

CLASSES = ('background', 'cat', 'cow', 'dog', 'never')
Image = tuple[np.ndarray, list[int], np.ndarray]


def images() -> list[Image]:
    """CAMs, classes in any order, and masks of several sizes with void pixels."""
    rng = np.random.default_rng(0)
    found = []
    for size, classes in (((6, 9), [3, 1]), ((8, 4), [2]), ((5, 5), []), ((7, 7), [1, 2, 3])):
        mask = rng.choice([0, *classes, 255], size).astype(np.uint8)
        cams = rng.random((len(classes), *size)).astype(np.float32) * 0.7
        for cam, c in zip(cams, classes, strict=True):
            cam[mask == c] += 0.2  # better than chance
            cam.flat[:3] = 0.5, 0, 0.07  # on thresholds, and equal maps
        found.append((cams, classes, mask))
    return found


def prediction(cams: np.ndarray, classes: list[int], threshold: float) -> np.ndarray:
    """Pixel by pixel."""
    result = np.zeros(cams.shape[1:], np.int64)
    for y, x in np.ndindex(*result.shape):
        strongest = threshold
        for cam, c in zip(cams, classes, strict=True):
            if float(cam[y, x]) > strongest:
                strongest, result[y, x] = float(cam[y, x]), c
    return result


def brute_force(samples: list[Image], threshold: float) -> float:
    """mIoU in percent at one threshold."""
    predicted, true = [], []
    for cams, classes, mask in samples:
        predicted.append(prediction(cams, classes, threshold)[mask != 255])
        true.append(mask[mask != 255])
    predicted, true = np.concatenate(predicted), np.concatenate(true)
    ratios = []
    for c in range(len(CLASSES)):
        union = ((predicted == c) | (true == c)).sum()
        if union:
            ratios.append(((predicted == c) & (true == c)).sum() / union)
    return 100 * float(np.mean(ratios))


def evaluate(samples: list[Image], alpha: float = 16, **metainfo) -> dict[str, float]:
    metric = Evaluator([METRICS.build(dict(type='CAMIoUMetric', alpha=alpha))])
    metric.dataset_meta = dict(classes=CLASSES)
    for cams, classes, mask in samples:
        sample = SegDataSample(
            cams=PixelData(data=torch.from_numpy(cams)),
            gt_sem_seg=PixelData(data=torch.from_numpy(mask)[None]),
            metainfo=dict(cam_classes=classes, **metainfo),
        )
        metric.process([sample])
    return metric.evaluate(len(samples))


@pytest.mark.parametrize('alpha', [4, 16])
def test_sweep_against_a_loop(alpha):
    samples = images()
    sweep = ThresholdSweep(len(CLASSES), alpha)
    result = sweep.result(sum(sweep.areas(*sample) for sample in samples))
    expected = [brute_force(samples, t) for t in result.thresholds]
    np.testing.assert_allclose(result.values, expected, rtol=1e-12)
    assert np.ptp(expected) > 5 and len(expected) == 101
    assert {0.0, 0.07, 0.5, 0.99, alpha_threshold(alpha)} <= set(result.thresholds)
    metrics = evaluate(samples, alpha)
    best = result.thresholds[int(np.argmax(expected))]
    assert metrics == {
        'mIoU': pytest.approx(max(expected), abs=0.0051),
        'threshold': pytest.approx(best, abs=1e-4),
        f'mIoU_alpha{alpha}': pytest.approx(brute_force(samples, result.alpha_threshold), abs=0.01),
    }


@pytest.mark.parametrize('alpha', [0.5, 1, 4, 16, 24.5, 32])
def test_threshold_of_a_power_of_the_background(alpha):
    threshold = alpha_threshold(alpha)
    assert (1 - threshold) ** alpha == pytest.approx(threshold, abs=1e-12)
    cams = torch.rand(1, 3, 40, 50, dtype=torch.float64)
    index = with_background(cams, alpha).argmax(1)[0].numpy()
    np.testing.assert_array_equal(index, prediction(cams[0].numpy(), [1, 2, 3], threshold))


def test_areas_of_a_prediction():
    rng = np.random.default_rng(1)
    labels, mask = rng.integers(0, 4, (2, 9, 11))
    mask[rng.random(mask.shape) < 0.2] = 255
    areas = label_areas(labels, mask.astype(np.uint8), 5)
    counted = mask != 255
    for c in range(5):
        hit, any_ = (labels == c) & (mask == c), ((labels == c) | (mask == c)) & counted
        assert areas[:, c].tolist() == [hit.sum(), any_.sum()]
    assert mean_iou(areas) == pytest.approx(100 * np.mean(areas[0, :4] / areas[1, :4]))


def test_masks_without_labels_and_other_sizes():
    cams, classes, mask = images()[0]
    with pytest.raises(ValueError, match='no mask has a labeled pixel'):
        evaluate([(cams, classes, np.full_like(mask, 255))])
    with pytest.raises(ValueError, match=r'shape \(2, 6, 9\) do not fit 2 classes .* \(3, 9\)'):
        evaluate([(cams, classes, mask[:3])])


def test_predictions_of_other_models():
    metric = Evaluator([METRICS.build(dict(type='CAMIoUMetric'))])
    metric.dataset_meta = dict(classes=CLASSES)
    mask = PixelData(data=torch.zeros(1, 3, 3))
    with pytest.raises(ValueError, match="'a.png' has no cams; .* needs a CAMSegmentor"):
        metric.process([SegDataSample(gt_sem_seg=mask, metainfo=dict(img_path='a.png'))])
    with pytest.raises(ValueError, match='has no gt_sem_seg'):
        metric.process([SegDataSample(cams=mask)])


def test_a_warning_where_tags_are_given(monkeypatch):
    lines = []
    monkeypatch.setattr(cam_iou_metric, 'print_log', lambda text, *_: lines.append(text))
    sample = images()[1]
    evaluate([sample])
    evaluate([sample], image_labels=[1, 2])
    assert not lines
    evaluate([sample], image_labels=[2])
    assert len(lines) == 1 and 'given, not predicted' in lines[0]
