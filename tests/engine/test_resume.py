"""A run that is killed and resumed ends in the very weights of one that was not."""

from pathlib import Path

import pytest
import torch

from label_efficient_seg.cli.main import main
from label_efficient_seg.core.logs import read_scalars
from label_efficient_seg.engine import launch
from label_efficient_seg.engine.loops import StreamIterTrainLoop
from tests.jobs.cam_case import die_at
from tests.jobs.cam_case import launch as launch_processes

OPTIONS = [
    'train_cfg.max_iters=12', 'train_cfg.val_interval=6',
    'default_hooks.checkpoint.interval=4', 'default_hooks.checkpoint.max_keep_ckpts=2',
    'default_hooks.logger.interval=1', 'model.semi_start=2', 'model.confidence_threshold=0.4',
    'model.backbone.init_cfg=None', 'model.backbone.base_channels=4',
    'model.backbone.stem_channels=4',
    'model.decode_head.in_channels=32', 'model.discriminator.network.channels=2',
    'train_dataloader.labeled.batch_size=2', 'train_dataloader.unlabeled.batch_size=3',
    'val_dataloader.dataset.indices=2',
]  # fmt: skip


def train(work_dir: Path, *flags: str, dies_at: int = 0) -> None:
    """Train in a process of its own, which may kill itself when an iteration begins."""
    options = [*OPTIONS, f'visualizer.name=visualizer_{work_dir.name}']

    def run(launcher: str) -> None:
        if dies_at:
            die_at(StreamIterTrainLoop, 'run_iter', dies_at)
        words = ('--work-dir', str(work_dir), *flags, '--cfg-options', *options)
        assert main(['train', 'advsemi/deeplabv2_r18_toy_semi', *words]) == 0

    launch_processes(1, run, killed=dies_at > 0)


def losses(work_dir: Path) -> dict[str, list[tuple[int, float]]]:
    """The logged losses with their iterations."""
    scalars = read_scalars(work_dir)
    return {
        name: list(zip(series.steps.tolist(), series.values.tolist(), strict=True))
        for name, series in scalars.items()
        if 'loss' in name
    }


def assert_equal(first, second, name: str = '') -> None:
    assert type(first) is type(second), name
    if isinstance(first, dict):
        assert first.keys() == second.keys(), name
        for key in first:
            assert_equal(first[key], second[key], f'{name}.{key}')
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second), name
        for index, (a, b) in enumerate(zip(first, second, strict=True)):
            assert_equal(a, b, f'{name}.{index}')
    elif isinstance(first, torch.Tensor):
        assert torch.equal(first, second), name
    else:
        assert first == second, name


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory) -> Path:
    work_dir = tmp_path_factory.mktemp('undisturbed')
    train(work_dir)
    return work_dir


def test_killed_run_resumes_bit_for_bit(undisturbed, tmp_path):
    # Killed between two checkpoints, with iterations that have to be repeated.
    train(tmp_path, dies_at=8)
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_4.pth']
    assert {step for step, _ in losses(tmp_path)['loss']} == set(range(1, 8))

    first = set(tmp_path.glob('*/vis_data'))
    train(tmp_path, '--resume')
    (second,) = set(tmp_path.glob('*/vis_data')) - first
    assert losses(second.parent) == {
        name: [(step, value) for step, value in values if step > 4]
        for name, values in losses(undisturbed).items()
    }
    one, two = (
        torch.load(folder / 'iter_12.pth', weights_only=False) for folder in (undisturbed, tmp_path)
    )
    for key in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_equal(one[key], two[key], key)
    assert any(name.startswith('discriminator.') for name in one['state_dict'])
    assert set(one['optimizer']) == {'segmentor', 'discriminator'}
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == ['iter_12.pth', 'iter_8.pth']


def test_resume_without_checkpoint_starts_anew(undisturbed, tmp_path, monkeypatch):
    (tmp_path / 'last_checkpoint').write_text('gone.pth')
    (tmp_path / 'iter_4.pth').write_bytes(b'PK\x03\x04 cut off')
    said = tmp_path / 'said.txt'
    monkeypatch.setattr(launch, 'print_log', lambda text, logger: said.write_text(text))
    train(tmp_path, '--resume')
    assert said.read_text().endswith('training starts at iteration 0')
    assert losses(tmp_path) == losses(undisturbed)
