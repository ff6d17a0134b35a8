"""Processes: training over several GPUs, or one, through NCCL."""

import argparse

import scaling
import torch
import torch.distributed as dist

from .common import Row, Settings

TITLE = 'Several processes'
NOTE = (
    'Images/s of the toy networks in one process and in as many as there are devices, through '
    'NCCL (gloo in two without a GPU), in turns: one process alone, all apart, and with gradients '
    'averaged after and during the backward pass.'
)
MINUTES = 2


def cases(settings: Settings) -> list[str]:
    """A collective operation, then methods."""
    chosen = ('advsemi',) if settings.smoke else ('advsemi', 'mic', 'deconvnet')
    return ['all_reduce', *(method for method in settings.methods if method in chosen)]


def run(case: str, settings: Settings) -> list[Row]:
    """One process, and all."""
    if case == 'all_reduce':
        return [all_reduce(settings)]
    args = argparse.Namespace(
        threads=None, device=settings.device, paper=False, size=(113, 113), batch=8, channels=32,
        iterations=10, repeats=3,
    )  # fmt: skip
    if settings.smoke:
        vars(args).update(threads=1, batch=1, channels=8, iterations=1, repeats=1)
    counts = [2] if settings.smoke else sorted({1, torch.cuda.device_count()})
    rows = []
    for args.processes in counts:
        row = scaling.measure(case, args)
        rows.append(dict(case=case, **{name: row[name] for name in row if name != 'method'}))
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
