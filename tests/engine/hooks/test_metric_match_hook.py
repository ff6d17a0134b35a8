from types import SimpleNamespace

import pytest
from mmseg.evaluation import IoUMetric
from torch import nn

from label_efficient_seg.datasets.files.class_splits import class_split
from label_efficient_seg.datasets.transforms import (
    HideUnseenClasses,
    LoadCheckedAnnotations,
    LoadValidMask,
)
from label_efficient_seg.engine.hooks import MetricMatchHook
from label_efficient_seg.evaluation import EntropyMetric, ZeroShotIoUMetric

CLASSES = ('background', 'cat', 'cow', 'sheep')


def check(metric, load=None, split: dict | None = None, nested: bool = False, train=None) -> None:
    model = nn.Sequential(nn.Identity())
    if split:
        model[0].split = class_split(split, CLASSES)
    dataset = SimpleNamespace(
        metainfo=dict(classes=CLASSES),
        pipeline=SimpleNamespace(transforms=[load or LoadCheckedAnnotations()]),
    )
    if nested:
        dataset = SimpleNamespace(metainfo=dataset.metainfo, datasets=[dataset])
    loop = SimpleNamespace(
        evaluator=SimpleNamespace(metrics=[metric]), dataloader=SimpleNamespace(dataset=dataset)
    )
    runner = SimpleNamespace(
        model=model, val_loop=loop, test_loop=loop, train_dataloader=SimpleNamespace(dataset=train)
    )
    for stage in ('before_train', 'before_val', 'before_test'):
        getattr(MetricMatchHook(), stage)(runner)


@pytest.mark.parametrize('nested', [False, True])
def test_scores_against_the_zeros_of_missing_masks_are_refused(nested):
    check(IoUMetric(), nested=nested)
    check(EntropyMetric(), LoadValidMask(), nested=nested)
    with pytest.raises(ValueError, match='IoUMetric compares.*LoadValidMask.*EntropyMetric'):
        check(IoUMetric(), LoadValidMask(), nested=nested)


def test_predictions_for_images_without_masks_may_be_written(tmp_path):
    check(IoUMetric(output_dir=str(tmp_path), format_only=True), LoadValidMask())


def test_metric_and_model_have_one_split():
    metric = ZeroShotIoUMetric(dict(unseen=['sheep']))
    check(metric)
    check(metric, split=dict(seen=['background', 'cat', 'cow'], unseen=['sheep']))
    message = 'model.0 has the unseen classes cow, but ZeroShotIoUMetric has sheep'
    with pytest.raises(ValueError, match=message):
        check(metric, split=dict(unseen=['cow']))


def test_training_data_hide_the_classes_that_the_metric_calls_unseen():
    def data(*unseen: str) -> SimpleNamespace:
        step = HideUnseenClasses(dict(unseen=unseen))
        return SimpleNamespace(
            metainfo=dict(classes=CLASSES), pipeline=SimpleNamespace(transforms=[step])
        )

    metric = ZeroShotIoUMetric(dict(unseen=['sheep']))
    check(metric, train=data('sheep'))
    message = 'of the training data has the unseen classes cow, but ZeroShotIoUMetric has sheep'
    with pytest.raises(ValueError, match=message):
        check(metric, train=data('cow'))
