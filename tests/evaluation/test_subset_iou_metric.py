import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

CLASSES = ('road', 'wall', 'fence', 'sky', 'train')


def evaluator(subsets: dict, classes: tuple[str, ...] = CLASSES, **kwargs) -> Evaluator:
    result = Evaluator([METRICS.build(dict(type='SubsetIoUMetric', subsets=subsets, **kwargs))])
    result.dataset_meta = dict(classes=classes)
    return result


def samples(predictions: np.ndarray, truths: np.ndarray) -> list[SegDataSample]:
    pairs = zip(predictions, truths, strict=True)
    return [
        SegDataSample(
            pred_sem_seg=PixelData(data=torch.from_numpy(prediction)[None]),
            gt_sem_seg=PixelData(data=torch.from_numpy(truth)[None]),
        )
        for prediction, truth in pairs
    ]


def iou(prediction: np.ndarray, truth: np.ndarray, label: int) -> float:
    """Pixel by pixel over all images, in percent."""
    both = either = 0
    for p, t in zip(prediction.ravel().tolist(), truth.ravel().tolist(), strict=True):
        if t != 255:
            both += p == t == label
            either += label in (p, t)
    return 100 * both / either if either else float('nan')


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    """Three images in which the last class neither occurs nor is predicted."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, (3, 12, 9))
    prediction = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 4, truth.shape))
    truth[:, 0] = 255
    return prediction, truth


def test_means_are_over_the_named_classes(data):
    subsets = dict(mIoU2=['sky', 'road'], mIoU1=('wall',), rare=['fence', 'train'])
    metric = evaluator(subsets)
    for sample in samples(*data):
        metric.process([sample])
    metrics = metric.evaluate(3)
    per_class = [iou(*data, label) for label in range(5)]
    assert np.isnan(per_class[4]) and len(set(per_class[:4])) == 4
    assert metrics['mIoU'] == pytest.approx(np.mean(per_class[:4]), abs=0.006)
    assert metrics['mIoU2'] == pytest.approx((per_class[0] + per_class[3]) / 2, abs=0.006)
    assert metrics['mIoU1'] == pytest.approx(per_class[1], abs=0.006)
    assert metrics['rare'] == pytest.approx(per_class[2], abs=0.006)
    assert {'aAcc', 'mAcc'} < metrics.keys()


def test_absent_classes_count_as_the_parent_counts_them(data):
    metric = evaluator(dict(rare=['fence', 'train'], all=CLASSES), nan_to_num=0)
    metric.process(samples(*data))
    metrics = metric.evaluate(3)
    assert metrics['rare'] == pytest.approx(iou(*data, 2) / 2, abs=0.006)
    assert metrics['all'] == metrics['mIoU']


def test_nothing_is_evaluated_where_predictions_are_only_written(data, tmp_path):
    metric = evaluator(dict(rare=['fence']), format_only=True, output_dir=str(tmp_path))
    for index, sample in enumerate(samples(*data)):
        sample.set_metainfo(dict(img_path=f'{index}.png'))
        metric.process([sample])
    metric.metrics[0].results = [None] * 3  # mmengine warns of an evaluator without results
    assert metric.evaluate(3) == {}
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ('subsets', 'message'),
    [
        (dict(mIoU13=['road', 'tree', 'bus']), "'mIoU13' .* has bus, tree, but .* road, wall"),
        (dict(mIoU13=[]), "'mIoU13' .* has no class"),
        (dict(mIoU=['road']), "'mIoU' .* reports this already"),
    ],
)
def test_faulty_subsets(subsets, message):
    with pytest.raises(ValueError, match=message):
        evaluator(subsets)
