"""The command line from training to a published model, on one process and on two."""

import io
import itertools
import json
import os
import runpy
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from label_efficient_seg.core.config_index import resource_root
from label_efficient_seg.datasets import ToyDataset
from label_efficient_seg.engine import publish
from tests.jobs.cam_case import launch

TOOLS = resource_root() / 'tools'
CONFIG = 'advsemi/deeplabv2_r18_toy_semi'
# An odd number of images: with two processes one of them is tested twice and counted once.
IMAGES = 3
OPTIONS = [
    'train_cfg.max_iters=4', 'train_cfg.val_interval=4', 'default_hooks.checkpoint.interval=4',
    'default_hooks.logger.interval=1', 'model.semi_start=2', 'model.confidence_threshold=0.4',
    'model.backbone.init_cfg=None', 'model.backbone.base_channels=4',
    'model.backbone.stem_channels=4',
    'model.decode_head.in_channels=32', 'model.discriminator.network.channels=2',
    # Random weights that predict several classes, and a rate that leaves them so.
    'model.decode_head.init_cfg.type=Normal', 'model.decode_head.init_cfg.layer=Conv2d',
    'model.decode_head.init_cfg.std=0.5', 'optim_wrapper.segmentor.optimizer.lr=1e-4',
    'train_dataloader.labeled.batch_size=2', 'train_dataloader.unlabeled.batch_size=2',
    f'val_dataloader.dataset.indices={IMAGES}', f'test_dataloader.dataset.indices={IMAGES}',
]  # fmt: skip
RUNS = itertools.count()
LOSSES = {
    'loss', 'decode.loss_ce', 'labeled.loss_adv', 'unlabeled.loss_adv', 'unlabeled.loss_semi',
    'discriminator.loss', 'discriminator.loss_real', 'discriminator.loss_fake',
}  # fmt: skip


def run(*command: object, python: str = sys.executable) -> str:
    """Run a command in a process of its own; its output."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    process = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        env=dict(os.environ, PORT=port, PYTHON=python, OMP_NUM_THREADS='1'),
    )  # fmt: skip
    assert process.returncode == 0, process.stdout[-1500:]
    return process.stdout


def tool(name: str, *arguments: object, status: int = 0) -> str:
    """Run a Python tool with the small settings in this process, to start fast; its output."""
    # MMEngine keeps visualizers by their names, each with the folder of the run that made it.
    options = [*OPTIONS, f'visualizer.name=visualizer_{next(RUNS)}']
    command = [name, *map(str, arguments), '--cfg-options', *options]
    ended, output = 0, io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(output):
        patch.setattr(sys, 'argv', command)
        try:
            runpy.run_path(str(TOOLS / name), run_name='__main__')
        except SystemExit as error:
            ended = error.code
    assert ended == status, output.getvalue()[-1500:]
    return output.getvalue()


def scalars(work_dir: Path) -> list[dict]:
    """What a run logged, line by line."""
    (file,) = work_dir.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in file.read_text().splitlines()]


def metrics(work_dir: Path) -> dict[str, float]:
    """What a test reported, without times."""
    (file,) = (path for path in work_dir.glob('*/*.json') if path.name != 'start.json')
    return {k: v for k, v in json.loads(file.read_text()).items() if 'time' not in k}


def assert_trained(work_dir: Path) -> None:
    logged = [line for line in scalars(work_dir) if 'loss' in line]
    assert [line['step'] for line in logged] == [1, 2, 3, 4]
    assert LOSSES <= logged[-1].keys()
    assert all(np.isfinite(line[name]) for line in logged for name in LOSSES & line.keys())
    assert (work_dir / 'iter_4.pth').is_file()


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> Path:
    work_dir = tmp_path_factory.mktemp('trained')
    tool('train.py', CONFIG, '--work-dir', work_dir)
    return work_dir


@pytest.fixture(scope='module')
def tested(trained, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('tested')
    tool(
        'test.py', CONFIG, trained / 'iter_4.pth', '--work-dir', folder / 'work',
        '--out', folder / 'predictions', '--show-dir', folder / 'panels',
    )  # fmt: skip
    return folder


def mean_iou(folder: Path) -> float:
    """mIoU of PNG files with class indices, in percent, class by class over all pixels."""
    dataset = ToyDataset(split='val', indices=IMAGES)
    pairs = []
    for item in map(dataset.get_data_info, range(IMAGES)):
        truth = np.asarray(Image.open(item['seg_map_path']))
        prediction = np.asarray(Image.open(folder / Path(item['img_path']).name))
        assert prediction.shape == truth.shape and prediction.dtype == np.uint8
        pairs.append((prediction[truth != 255], truth[truth != 255]))
    predicted, true = (np.concatenate(part) for part in zip(*pairs, strict=True))
    ratios = []
    for index in range(len(dataset.metainfo['classes'])):
        union = ((predicted == index) | (true == index)).sum()
        if union:
            ratios.append(((predicted == index) & (true == index)).sum() / union)
    return 100 * float(np.mean(ratios))


def test_training_logs_finite_losses(trained):
    assert_trained(trained)
    assert 'mIoU' in scalars(trained)[-1]


def test_testing_writes_predictions_that_have_the_reported_metric(tested):
    files = list((tested / 'predictions').iterdir())
    assert len(files) == IMAGES
    assert len(np.unique([np.asarray(Image.open(file)) for file in files])) > 2
    assert metrics(tested / 'work')['mIoU'] == pytest.approx(
        mean_iou(tested / 'predictions'), abs=0.01
    )
    assert len(list((tested / 'panels').rglob('*.png'))) == IMAGES


def test_two_processes_report_the_metrics_of_one(trained, tested, tmp_path):
    words = (CONFIG, trained / 'iter_4.pth', '--work-dir', tmp_path, '--launcher')
    launch(2, lambda launcher: tool('test.py', *words, launcher))
    assert metrics(tmp_path) == metrics(tested / 'work')
    words = run(TOOLS / 'dist_test.sh', CONFIG, 'a.pth', 2, '--tta', python='echo').split()
    tail = [str(TOOLS / 'test.py'), CONFIG, 'a.pth', '--launcher', 'pytorch', '--tta']
    assert words[:2] == ['-m', 'torch.distributed.run'] and '--nproc_per_node=2' in words
    assert words[-6:] == tail


def test_two_processes_train(tmp_path):
    run(TOOLS / 'dist_train.sh', CONFIG, 2, '--work-dir', tmp_path, '--cfg-options', *OPTIONS)
    assert_trained(tmp_path)


def test_training_in_half_precision_on_a_cpu(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    tool('train.py', CONFIG, '--amp', '--work-dir', tmp_path)
    assert_trained(tmp_path)
    used = Config.fromfile(next(tmp_path.glob('*.py')))
    assert used.optim_wrapper.discriminator.type == 'AutocastOptimWrapper'
    assert dict(type='ChannelsLastHook') in used.custom_hooks
    # A training in single precision can go on from its weights.
    state = torch.load(tmp_path / 'iter_4.pth', weights_only=False)['state_dict']
    assert {value.dtype for value in state.values()} == {torch.float32, torch.int64}


def test_augmented_testing(trained, tested, tmp_path):
    tool('test.py', CONFIG, trained / 'iter_4.pth', '--work-dir', tmp_path, '--tta')
    found, plain = metrics(tmp_path), metrics(tested / 'work')
    assert found.keys() == plain.keys() and found != plain
    assert all(np.isfinite(value) for value in found.values())


def test_publishing(trained, tmp_path, les, capsys, monkeypatch):
    said = []
    monkeypatch.setattr(publish, 'print_log', lambda text, **_: said.append(text))
    # The config of the run stands in its folder, with the settings of the command line.
    config = trained / 'deeplabv2_r18_toy_semi.py'
    assert les('publish', config, trained / 'iter_4.pth', tmp_path / 'out') == 0
    assert any('agree on a test input' in text for text in said)
    output = capsys.readouterr().out
    assert output.splitlines()[-2:] == [
        str(tmp_path / 'out' / f'deeplabv2_r18_toy_semi.{suffix}') for suffix in ('py', 'pth')
    ]


def test_faults_end_in_one_line(tmp_path):
    output = tool('test.py', CONFIG, tmp_path / 'gone.pth', '--work-dir', tmp_path, status=1)
    assert f"error: checkpoint '{tmp_path}/gone.pth' does not exist; " in output
    assert 'Traceback' not in output


def test_weights_that_are_not_finite_are_not_tested(trained, tmp_path):
    checkpoint = torch.load(trained / 'iter_4.pth', weights_only=False)
    checkpoint['state_dict']['decode_head.convs.0.bias'][1] = torch.nan
    torch.save(checkpoint, tmp_path / 'broken.pth')
    output = tool('test.py', CONFIG, tmp_path / 'broken.pth', '--work-dir', tmp_path, status=1)
    assert 'error: checkpoint' in output and 'decode_head.convs.0.bias' in output
    assert 'mIoU:' not in output
