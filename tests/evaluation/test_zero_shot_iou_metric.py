import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

CLASSES = ('background', 'cat', 'cow', 'dog', 'sheep')
SPLIT = dict(unseen=['cow', 'sheep'])


def evaluator(split=SPLIT, classes: tuple[str, ...] = CLASSES, **kwargs) -> Evaluator:
    result = Evaluator([METRICS.build(dict(type='ZeroShotIoUMetric', split=split, **kwargs))])
    result.dataset_meta = dict(classes=classes)
    return result


def evaluate(predictions: np.ndarray, truths: np.ndarray, **kwargs) -> dict[str, float]:
    metric = evaluator(**kwargs)
    for prediction, truth in zip(predictions, truths, strict=True):
        metric.process([
            SegDataSample(
                pred_sem_seg=PixelData(data=torch.from_numpy(prediction)[None]),
                gt_sem_seg=PixelData(data=torch.from_numpy(truth)[None]),
            )
        ])  # fmt: skip
    return metric.evaluate(len(truths))


def expected(predictions, truths, seen, unseen, stride: int = 1) -> dict[str, float]:
    """From a confusion matrix that is filled pixel by pixel."""
    matrix = np.zeros((len(CLASSES), len(CLASSES)))
    for prediction, truth in zip(predictions, truths, strict=True):
        for y in range(0, truth.shape[0], stride):
            for x in range(0, truth.shape[1], stride):
                if truth[y, x] in (*seen, *unseen):
                    matrix[truth[y, x], prediction[y, x]] += 1
    metrics = {}
    for suffix, group in (('', [*seen, *unseen]), ('_seen', seen), ('_unseen', unseen)):
        ious, accuracies, correct, pixels = [], [], 0, 0
        for c in group:
            row, column = matrix[c].sum(), matrix[:, c].sum()
            if row + column:
                ious.append(matrix[c, c] / (row + column - matrix[c, c]))
            if row:
                accuracies.append(matrix[c, c] / row)
            correct, pixels = correct + matrix[c, c], pixels + row
        for name, values in (('mIoU', ious), ('mAcc', accuracies)):
            metrics[name + suffix] = 100 * sum(values) / len(values) if values else np.nan
        metrics[f'aAcc{suffix}'] = 100 * correct / pixels if pixels else np.nan
    s, u = metrics['mIoU_seen'], metrics['mIoU_unseen']
    metrics['hIoU'] = 2 * s * u / (s + u) if s + u else 0
    return metrics


def assert_metrics(found: dict, wanted: dict) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=0.0051, nan_ok=True), name


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, (3, 17, 13))
    prediction = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 5, truth.shape))
    truth[:, 0] = 255
    return prediction, truth


def test_metrics(data):
    found = evaluate(*data)
    assert_metrics(found, expected(*data, seen=[0, 1, 3], unseen=[2, 4]))
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize('stride', [2, 8, 50])
def test_stride(data, stride):
    found = evaluate(*data, stride=stride)
    assert_metrics(found, expected(*data, seen=[0, 1, 3], unseen=[2, 4], stride=stride))


def test_ignored_classes_have_no_pixel_and_no_score(data):
    split = dict(unseen=['cow', 'sheep'], ignored=['background'])
    found = evaluate(*data, split=split)
    assert_metrics(found, expected(*data, seen=[1, 3], unseen=[2, 4]))


def test_all_metrics_are_those_of_mmseg(data):
    plain = Evaluator([METRICS.build(dict(type='IoUMetric'))])
    plain.dataset_meta = dict(classes=CLASSES)
    for prediction, truth in zip(*data, strict=True):
        plain.process([
            dict(
                pred_sem_seg=dict(data=torch.from_numpy(prediction)[None]),
                gt_sem_seg=dict(data=torch.from_numpy(truth)[None]),
            )
        ])  # fmt: skip
    metrics = evaluate(*data)
    for name, value in plain.evaluate(3).items():
        assert metrics[name] == pytest.approx(value, abs=0.011)


def test_classes_one_by_one(data):
    prediction, truth = (np.where(x == 4, 1, x) for x in data)
    found = evaluate(prediction, truth, classwise=True)
    for index, name in enumerate(CLASSES[:4]):
        one, other = (x[truth != 255] == index for x in (prediction, truth))
        iou = (one & other).sum() / (one | other).sum()
        assert found.pop(f'IoU_{name}') == pytest.approx(100 * iou, abs=0.0051)
    assert found.keys() == evaluate(prediction, truth).keys()  # sheep counts in no mean


def test_class_that_is_absent(data):
    prediction, truth = data
    prediction, truth = (np.where(x == 4, 1, x) for x in (prediction, truth))
    found = evaluate(prediction, truth)
    assert_metrics(found, expected(prediction, truth, [0, 1, 3], [2, 4]))
    # Predicted nevertheless: an IoU of 0, and no accuracy.
    prediction[0, 5, 5] = 4
    found = evaluate(prediction, truth)
    wanted = expected(prediction, truth, [0, 1, 3], [2, 4])
    assert_metrics(found, wanted)
    assert wanted['mIoU_unseen'] < wanted['mAcc_unseen'] / 1.5


def test_no_unseen_pixel_at_all(data):
    prediction, truth = (np.where(np.isin(x, (2, 4)), 1, x) for x in data)
    found = evaluate(prediction, truth)
    assert_metrics(found, expected(prediction, truth, [0, 1, 3], [2, 4]))
    assert np.isnan([found[k] for k in ('mIoU_unseen', 'aAcc_unseen', 'hIoU')]).all()
    assert found['mIoU'] == found['mIoU_seen'] > 0
    assert evaluate(prediction, truth, nan_to_num=0)['hIoU'] == 0


def test_unseen_classes_that_are_never_right():
    truth = np.array([[[0, 1, 2, 4]]])
    prediction = np.array([[[0, 1, 1, 1]]])
    found = evaluate(prediction, truth)
    assert found['mIoU_unseen'] == found['hIoU'] == 0 < found['mIoU_seen']
    assert evaluate(truth[..., ::-1].copy(), truth)['hIoU'] == 0  # nothing is right: no 0 / 0


def test_table_marks_seen_and_unseen(data, monkeypatch):
    lines = []
    monkeypatch.setattr(
        'label_efficient_seg.evaluation.zero_shot_iou_metric.print_log',
        lambda text, *args: lines.extend(text.splitlines()),
    )
    evaluate(*data, split=dict(unseen=['cow', 'sheep'], ignored=['background']))
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in lines if '|' in line]
    assert [row[:2] for row in rows[1:]] == [
        ['cat', 'seen'], ['dog', 'seen'], ['cow', 'unseen'], ['sheep', 'unseen'],
    ]  # fmt: skip
    wanted = expected(*data, seen=[1, 3], unseen=[2, 4])
    unseen = [float(row[2]) for row in rows[-2:]]
    assert np.mean(unseen) == pytest.approx(wanted['mIoU_unseen'], abs=0.01)


def test_many_pixels_are_counted_exactly():
    """In float32 a sum of areas stops growing at 16.8 million pixels."""
    metric = evaluator().metrics[0]
    area = torch.tensor([2.0**24, 1, 1, 1, 1])
    metrics = metric.compute_metrics([(area, area, area, area)] * 2 + [(area * 0, *[area] * 3)])
    assert metrics['aAcc'] == round(200 / 3, 2) == metrics['aAcc_unseen']
    image = torch.tensor([1.0, 0, 0, 0, 0])
    areas = [(area, area, area, area)] + [(image * 0, image, image, image)] * 2**10
    wanted = 100 * (2**24 + 4) / (2**24 + 4 + 2**10)
    assert metric.compute_metrics(areas)['aAcc'] == round(wanted, 2) < 100


def test_nothing_is_evaluated_where_predictions_are_only_written(data, tmp_path):
    metric = evaluator(format_only=True, output_dir=str(tmp_path))
    sample = SegDataSample(pred_sem_seg=PixelData(data=torch.from_numpy(data[0][0])[None]))
    sample.set_metainfo(dict(img_path='a.png'))
    metric.process([sample])
    metric.metrics[0].results = [None]
    assert metric.evaluate(1) == {}
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(split=dict(unseen=['cows'])), "'cows', .* did you mean 'cow'"),
        (dict(split='voc_15_5'), "'pottedplant', which is no class of the dataset"),
        (dict(stride=0), 'stride of ZeroShotIoUMetric is 0'),
    ],
)
def test_faulty_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        evaluator(**settings)


def test_other_metrics_of_the_parent_are_refused():
    with pytest.raises(TypeError, match='iou_metrics'):
        evaluator(iou_metrics=['mDice'])
