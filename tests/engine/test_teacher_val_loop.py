"""Validation of a model and of its teacher in one loop."""

import pytest
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import METRICS

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.models.segmentors import MeanTeacher

from . import small_run


@METRICS.register_module()
class MeanPrediction(BaseMetric):
    """The mean of all predictions."""

    def process(self, data_batch: dict, data_samples: list) -> None:
        self.results += data_samples

    def compute_metrics(self, results: list) -> dict:
        return dict(mIoU=sum(results) / len(results))


class Record(Hook):
    """Keeps the predictions and metrics that hooks see."""

    def __init__(self) -> None:
        self.outputs: list = []
        self.metrics: list[dict] = []

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.outputs += outputs

    def after_val_epoch(self, runner, metrics=None) -> None:
        self.metrics.append(metrics)


def build(work_dir, teacher: bool) -> Runner:
    loader = dict(batch_size=1, num_workers=0, dataset=dict(type='SmallDataset'))
    runner = small_run.build_runner(
        work_dir,
        val_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=False)),
        val_evaluator=dict(type='MeanPrediction'),
        val_cfg=dict(type='TeacherValLoop'),
    )
    if teacher:
        runner.model.teacher = MeanTeacher(runner.model, 0.9)
    return runner


def test_both_are_evaluated_and_hooks_see_the_student(tmp_path):
    runner = build(tmp_path, teacher=True)
    runner.register_hook(record := Record())
    runner.train()  # moves the model by one in each iteration, and not the teacher
    assert record.metrics == [
        {'mIoU': value, 'student/mIoU': value, 'teacher/mIoU': 0} for value in (2, 4, 6)
    ]
    assert record.outputs == [2, 2, 4, 4, 6, 6]


def test_model_without_teacher_is_refused(tmp_path):
    with pytest.raises(UserError, match='TeacherValLoop needs a model with a teacher'):
        build(tmp_path, teacher=False).val()
