"""A run that is killed and resumed ends in the very weights of one that was not."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from label_efficient_seg.core.config_index import resource_root

ROOT = resource_root()
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


def train(work_dir: Path, *flags: str) -> subprocess.Popen:
    command = [
        sys.executable, str(ROOT / 'tools/train.py'), 'advsemi/deeplabv2_r18_toy_semi',
        '--work-dir', str(work_dir), *flags, '--cfg-options', *OPTIONS,
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output[-3000:]
    return output


def losses(output: str) -> dict[int, str]:
    """The logged losses by iteration, without times."""
    found = {}
    for line in output.splitlines():
        if 'Iter(train)' in line:
            number = int(line.split('[')[1].split('/')[0])
            found[number] = line[line.index(' loss:') :]
    return found


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
def undisturbed(tmp_path_factory) -> tuple[Path, dict]:
    work_dir = tmp_path_factory.mktemp('undisturbed')
    return work_dir, losses(finish(train(work_dir)))


def test_killed_run_resumes_bit_for_bit(undisturbed, tmp_path):
    process = train(tmp_path)
    deadline = time.time() + 200
    # Killed between two checkpoints, with iterations that have to be repeated.
    for line in process.stdout:
        if 'Iter(train)' in line and ' 7/12]' in line.replace('[', ' '):
            break
        assert time.time() < deadline
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / 'iter_8.pth').exists()

    resumed = losses(finish(train(tmp_path, '--resume')))
    reference, expected = undisturbed
    assert resumed == {i: text for i, text in expected.items() if i > 4}
    one, two = (
        torch.load(folder / 'iter_12.pth', weights_only=False) for folder in (reference, tmp_path)
    )
    for key in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_equal(one[key], two[key], key)
    assert any(name.startswith('discriminator.') for name in one['state_dict'])
    assert set(one['optimizer']) == {'segmentor', 'discriminator'}
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == ['iter_12.pth', 'iter_8.pth']


def test_resume_without_checkpoint_starts_anew(undisturbed, tmp_path):
    (tmp_path / 'last_checkpoint').write_text('gone.pth')
    (tmp_path / 'iter_4.pth').write_bytes(b'PK\x03\x04 cut off')
    output = finish(train(tmp_path, '--resume'))
    assert 'training starts at iteration 0' in output
    assert losses(output) == undisturbed[1]
