"""Processes: training over several GPUs, or one, through NCCL."""

import argparse

import scaling
import torch
import torch.distributed as dist

from .common import Row, Settings

TITLE = 'Several processes'
NOTE = (
    'Images/s of the toy networks in one process and in as many as there are devices, through '
    'NCCL (gloo without a GPU); the wrapper is StreamDataParallel.'
)
MINUTES = 2


def cases(settings: Settings) -> list[str]:
    """A collective operation, then methods."""
    if settings.smoke:
        return ['all_reduce']
    return ['all_reduce', *(m for m in settings.methods if m in ('advsemi', 'mic', 'deconvnet'))]


def run(case: str, settings: Settings) -> list[Row]:
    """One process, and all."""
    if case == 'all_reduce':
        return [all_reduce(settings)]
    counts = sorted({1, max(1, torch.cuda.device_count())})
    rows = []
    for processes in counts:
        args = argparse.Namespace(
            threads=None, device=settings.device, size=(113, 113), batch=8, channels=32,
            iterations=10, repeats=3,
        )  # fmt: skip
        rate = scaling.measure(case, processes, args)
        rows.append({'case': case, 'processes': processes, 'images/s': rate})
        rows[-1]['efficiency'] = rate / processes / rows[0]['images/s']
    return rows


def all_reduce(settings: Settings) -> Row:
    """A group of one process adds a tensor up."""
    backend = 'gloo' if settings.device == 'cpu' else 'nccl'
    dist.init_process_group(backend, init_method='tcp://127.0.0.1:0', rank=0, world_size=1)
    try:
        tensor = torch.arange(1000.0, device=settings.device)
        dist.all_reduce(tensor)
        equal = torch.equal(tensor.cpu(), torch.arange(1000.0))
    finally:
        dist.destroy_process_group()
    return dict(case='all_reduce', backend=backend, equal=equal)
