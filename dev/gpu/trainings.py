"""Trainings: the commands that a user types, with --amp, then workflows on real images."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from .common import Row, Settings

TITLE = 'Trainings'
NOTE = (
    'Whole commands in processes of their own. The workflows need VOC_ANIMALS_ROOT and '
    'MOBILENETV2_WEIGHTS; the last lines of their output are in report.json.'
)
MINUTES = 10
SHORT = ['train_cfg.max_iters=30', 'train_cfg.val_interval=30']
RANDOM = 'model.backbone.init_cfg=None'
TOYS = {
    'advsemi --amp': ['advsemi/deeplabv2_r18_toy_semi', RANDOM, 'model.semi_start=10'],
    'mic --amp': ['mic/deeplabv2_r18_toy_mic', RANDOM],
    'sign --amp': ['sign/deeplabv2_r18_toy_training', RANDOM],
    'deconvnet --amp': ['deconvnet/deconvnet_toy_objects'],
}
WORKFLOWS = {
    f'{method} voc-animals': f'{method}/workflow_voc-animals'
    for method in ('advsemi', 'unimatch', 'affinitynet', 'deconvnet')
}


def cases(settings: Settings) -> list[str]:
    """Short trainings, then what the machine has data for."""
    if settings.device == 'cpu':
        return []
    given = all(name in os.environ for name in ('VOC_ANIMALS_ROOT', 'MOBILENETV2_WEIGHTS'))
    return [*TOYS, *(WORKFLOWS if given else ())]


def run(case: str, settings: Settings) -> list[Row]:
    """One command."""
    folder = Path(settings.work_dir) / re.sub(r'\W+', '_', case)
    if case in TOYS:
        config, *options = TOYS[case]
        words = ['train', config, '--amp', '--cfg-options', *SHORT, *options]
    else:
        words = ['run', WORKFLOWS[case], '--seeds', '0']
    command = [sys.executable, '-m', 'label_efficient_seg', *words, '--work-dir', str(folder)]
    start = time.monotonic()
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    scores = re.findall(r'mIoU: *([\d.]+)', done.stdout)
    return [
        dict(
            case=case, ended=done.returncode, minutes=(time.monotonic() - start) / 60,
            mIoU=float(scores[-1]) if scores else None, output=done.stdout[-3000:],
        )
    ]  # fmt: skip
