"""The hook against averages in numpy over the batches that follow the training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmseg.registry import DATASETS, MODELS
from torch import nn

from label_efficient_seg.datasets import StreamDataLoader
from label_efficient_seg.engine.hooks import PreciseBNHook
from label_efficient_seg.engine.hooks.precise_bn_hook import estimate_bn_statistics
from tests.jobs.cam_case import launch as launch_processes

from ..small_run import build_runner


@MODELS.register_module()
class NormalizingModel(BaseModel):
    """A weight, a used, a frozen and two unused layers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.used, self.frozen, self.unused = (nn.BatchNorm1d(3) for _ in range(3))
        self.plain = nn.BatchNorm1d(3, track_running_stats=False)

    def train(self, mode: bool = True) -> nn.Module:
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, inputs: list[torch.Tensor], mode: str = 'tensor') -> torch.Tensor | dict:
        inputs = torch.stack(inputs)
        out = self.plain(self.frozen(self.used(inputs * self.weight)))
        return dict(loss=out.square().mean() + self.weight.sum()) if mode == 'loss' else out


@DATASETS.register_module()
class NoisyDataset(BaseDataset):
    """Nine means, and noise as of an augmentation."""

    METAINFO = dict(classes=('one', 'two'))

    def load_data_list(self) -> list[dict]:
        return [dict(number=number) for number in range(9)]

    def prepare_data(self, idx: int) -> dict:
        return dict(inputs=idx * torch.tensor([1.0, 0.5, -1.0]) + torch.rand(3))


def stream(num_workers: int = 0) -> dict:
    return dict(
        batch_size=4,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(type='NoisyDataset'),
    )


class Notes(Hook):
    """Notes the running mean whenever a checkpoint could be saved, and the weight."""

    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self.means, self.weights = [], []

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        self.means.append(runner.model.used.running_mean.clone())
        self.weights.append(runner.model.weight.detach().clone())


def train(work_dir: Path, num_workers: int = 0, **hook) -> tuple[Runner, Notes]:
    notes = Notes()
    hooks = [notes]
    if hook:
        hooks.append(dict(type='PreciseBNHook', **hook))
    runner = build_runner(
        work_dir,
        hooks=hooks,
        train_dataloader=dict(labeled=stream(num_workers)),
        train_cfg=dict(type='StreamIterTrainLoop', max_iters=6),
        randomness=dict(seed=3),
    )
    runner.train()
    return runner, notes


@pytest.fixture(autouse=True)
def normalizing(monkeypatch) -> None:
    """``build_runner`` names the model of the small run."""
    modules = dict(MODELS.module_dict, SmallModel=NormalizingModel)
    monkeypatch.setattr(MODELS, '_module_dict', modules)


def averages(weight: torch.Tensor, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of means and of unbiased variances, over the batches from an iteration on."""
    batches = StreamDataLoader(dict(labeled=stream()), 3).batches(start)
    values = [torch.stack(next(batches)['labeled']['inputs']).double() for _ in range(count)]
    values = [(value * weight).numpy() for value in values]
    means = np.mean([value.mean(axis=0) for value in values], axis=0)
    return means, np.mean([value.var(axis=0, ddof=1) for value in values], axis=0)


@pytest.mark.parametrize('num_workers', [0, 1])
def test_statistics_are_averages_over_the_next_batches(tmp_path, num_workers):
    runner, notes = train(tmp_path, num_workers, num_samples=17)
    mean, var = averages(notes.weights[-1], start=6, count=5)
    used = runner.model.used
    np.testing.assert_allclose(used.running_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(used.running_var, var, rtol=1e-5)
    saved = torch.load(tmp_path / 'iter_6.pth', weights_only=False)['state_dict']
    assert torch.equal(saved['used.running_mean'], used.running_mean)
    assert used.momentum == 0.1 and used.num_batches_tracked == 6
    for layer in (runner.model.frozen, runner.model.unused):
        assert not layer.running_mean.any() and (layer.running_var == 1).all()


@pytest.mark.parametrize('num_workers', [0, 1])
def test_training_goes_on_as_if_nothing_had_been_read(tmp_path, num_workers):
    _, plain = train(tmp_path / 'plain', num_workers)
    _, notes = train(tmp_path / 'precise', num_workers, num_samples=8, interval=2)
    assert all(torch.equal(*pair) for pair in zip(plain.weights, notes.weights, strict=True))
    assert torch.equal(plain.means[0], notes.means[0])
    for number in (2, 4, 6):
        mean, _ = averages(notes.weights[number - 1], start=number, count=2)
        np.testing.assert_allclose(notes.means[number - 1], mean, rtol=1e-5)
    # In between, the running average starts from the estimate.
    assert not torch.equal(plain.means[2], notes.means[2])


def test_a_failing_batch_leaves_the_layers_usable():
    model = NormalizingModel().train()
    model([*torch.rand(4, 3)])
    with pytest.raises(TypeError):
        estimate_bn_statistics(model, [dict(inputs=[*torch.rand(4, 3)]), dict(other=0)])
    assert model.used.momentum == 0.1 and model.used.num_batches_tracked == 1


def in_processes(out: Path):
    def run(launcher: str) -> None:
        torch.distributed.init_process_group('gloo')
        rank = torch.distributed.get_rank()
        model = NormalizingModel().train()
        estimate_bn_statistics(model, [dict(inputs=[*values]) for values in inputs()[rank::2]])
        torch.save(model.state_dict(), out / f'{rank}.pth')

    return run


def inputs() -> list[torch.Tensor]:
    return list(torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(0)))


def test_processes_share_their_averages(tmp_path):
    launch_processes(2, in_processes(tmp_path))
    expected = NormalizingModel().train()
    estimate_bn_statistics(expected, [dict(inputs=[*values]) for values in inputs()])
    for rank in range(2):
        found = torch.load(tmp_path / f'{rank}.pth')
        for name, value in expected.state_dict().items():
            torch.testing.assert_close(found[name], value)


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match='num_samples of PreciseBNHook is 0'):
        PreciseBNHook(num_samples=0)
    with pytest.raises(ValueError, match='interval of PreciseBNHook is -1'):
        PreciseBNHook(interval=-1)
    runner = build_runner(tmp_path, hooks=[dict(type='PreciseBNHook')])
    with pytest.raises(TypeError, match='IterBasedTrainLoop.*mmpretrain.PreciseBNHook'):
        runner.train()
