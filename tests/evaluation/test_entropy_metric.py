import math

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample


def evaluator() -> Evaluator:
    return Evaluator([METRICS.build(dict(type='EntropyMetric'))])


def sample(logits: np.ndarray, dtype: torch.dtype = torch.float32) -> SegDataSample:
    """A prediction without ground truth."""
    return SegDataSample(seg_logits=PixelData(data=torch.from_numpy(logits).to(dtype)))


def mean_entropy(logits: np.ndarray) -> float:
    """Pixel by pixel."""
    classes, height, width = logits.shape
    total = 0.0
    for y in range(height):
        for x in range(width):
            exponentials = [math.exp(value) for value in logits[:, y, x]]
            for value in exponentials:
                p = value / sum(exponentials)
                total -= p * math.log2(p) / math.log2(classes)
    return total / (height * width)


def test_images_of_any_size_count_alike():
    rng = np.random.default_rng(0)
    images = [3 * rng.standard_normal((5, *size)) for size in ((4, 6), (1, 1), (9, 2))]
    metric = evaluator()
    metric.process([sample(image) for image in images[:2]])
    metric.process([sample(images[2])])
    expected = [mean_entropy(image) for image in images]
    assert max(expected) - min(expected) > 0.1
    assert metric.evaluate(3) == dict(entropy=pytest.approx(np.mean(expected), abs=1e-6))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_bounds(dtype):
    certain = np.full((4, 3, 3), -100.0)
    certain[1] = 100
    for logits, expected in ((np.ones((4, 3, 3)), 1), (certain, 0)):
        metric = evaluator()
        metric.process([sample(logits, dtype)])
        assert metric.evaluate(1)['entropy'] == pytest.approx(expected, abs=1e-6)


def test_predictions_without_scores_of_several_classes():
    with pytest.raises(ValueError, match='at least two classes.* sigmoid'):
        evaluator().process([sample(np.ones((1, 3, 3)))])
    bare = SegDataSample(metainfo=dict(img_path='a.png'))
    with pytest.raises(ValueError, match="'a.png' has no seg_logits"):
        evaluator().process([bare])
