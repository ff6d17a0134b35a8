"""Runs of a model with one weight, in a fraction of a second."""

from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmseg.registry import DATASETS, METRICS, MODELS
from torch import nn


@MODELS.register_module()
class SmallModel(BaseModel):
    """Moves its weight by one in each iteration; gives NaN where it is told to.

    Args:
        broken_loss: Iteration, from 1, whose loss is infinite.
        broken_weight: Iteration after which the weight is NaN while the loss was still finite.
    """

    def __init__(self, broken_loss: int = 0, broken_weight: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.broken_loss, self.broken_weight = broken_loss, broken_weight
        self.calls = 0

    def forward(self, inputs: list, sample_idx: list, mode: str = 'tensor') -> dict | list:
        if mode != 'loss':
            return [self.weight.item()]
        self.calls += 1
        loss = -self.weight.sum()
        if self.calls == self.broken_weight:
            loss = loss + (0 * self.weight).sqrt().sum()
        if self.calls == self.broken_loss:
            loss = loss + torch.inf
        nan = torch.tensor(torch.nan)
        return dict(loss_first=loss, loss_second=torch.zeros(()), accuracy=nan)


@DATASETS.register_module()
class SmallDataset(BaseDataset):
    """Two items.

    Args:
        noise: Whether to add a random number to each.
    """

    METAINFO = dict(classes=('one', 'two'))

    def __init__(self, noise: bool = False, **kwargs) -> None:
        self.noise = noise
        super().__init__(**kwargs)

    def prepare_data(self, idx: int) -> dict:
        item = super().prepare_data(idx)
        if self.noise:
            item['inputs'] += torch.rand(1).item()
        return item

    def load_data_list(self) -> list[dict]:
        return [dict(inputs=0.0), dict(inputs=1.0)]


@METRICS.register_module()
class IterationMetric(BaseMetric):
    """Scores given in order of the validations."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = list(scores)

    def process(self, data_batch: dict, data_samples: list) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict:
        score = np.float32(self.scores.pop(0))  # as MMSeg's metrics
        return dict(mIoU=score, aAcc=score)


def build_runner(
    work_dir: Path,
    model: dict | None = None,
    hooks: list[dict] | None = None,
    checkpoint: dict | None = None,
    scores: list[float] | None = None,
    **kwargs,
) -> Runner:
    """Runner of six iterations that saves after each second one.

    Args:
        work_dir: Folder.
        model: Arguments of ``SmallModel``.
        hooks: ``custom_hooks``.
        checkpoint: Arguments of ``SafeCheckpointHook``.
        scores: Metrics of the validations, one after every second iteration; none if absent.
        **kwargs: Further arguments of the runner.
    """
    loader = dict(batch_size=1, num_workers=0, dataset=dict(type='SmallDataset'))
    sampler = dict(type='DefaultSampler', shuffle=False)
    if scores is not None:
        kwargs.update(
            val_dataloader=dict(loader, sampler=sampler),
            val_evaluator=dict(type='IterationMetric', scores=scores),
            val_cfg=dict(type='ValLoop'),
        )
    kwargs.setdefault('train_dataloader', dict(loader, sampler=dict(type='InfiniteSampler')))
    kwargs.setdefault('train_cfg', dict(type='IterBasedTrainLoop', max_iters=6, val_interval=2))
    return Runner(
        model=dict(type='SmallModel', **(model or {})),
        work_dir=str(work_dir),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
        custom_hooks=hooks,
        default_hooks=dict(
            checkpoint=dict(
                dict(type='SafeCheckpointHook', by_epoch=False, interval=2), **(checkpoint or {})
            )
        ),
        log_level='WARNING',
        default_scope='mmseg',
        experiment_name=Path(work_dir).name,
        **kwargs,
    )


def weight_in(path: str | Path) -> float:
    """The weight in a checkpoint: the number of iterations that made it."""
    return torch.load(path, weights_only=False)['state_dict']['weight'].item()
