"""Time to resume a training: python dev/benchmarks/resume.py --iterations 10 1000 100000."""

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

import torch
from measuring import Table, add_common_arguments, in_own_process, write_results
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.utils import register_all_modules

import label_efficient_seg  # noqa: F401 - registers the components
from label_efficient_seg.core.config_index import get_config
from label_efficient_seg.datasets.stream_data_loader import StreamDataLoader

COLUMNS = {'iteration': '', 'resume s': '.2f', 'of it first batch s': '.2f'}


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure the time from the start of `Runner.train` with `resume` to the first '
        'train step: reading the checkpoint, and the loader, which skips the indices of all '
        'samples before. The checkpoint is that of one iteration, said to be of a later one.'
    )
    parser.add_argument('--config', default='advsemi/deeplabv2_r18_toy_semi')
    parser.add_argument('--iterations', nargs='+', type=int, default=[10, 1000, 100000])
    parser.add_argument('--workers', type=int, default=1, help='of each stream')
    parser.add_argument('--repeats', type=int, default=3)
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Write a checkpoint, resume from it in processes of their own, and print a table."""
    args = parse_args()
    table = Table(COLUMNS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_own_process(train_one_iteration, folder, args)
        for iteration in args.iterations:
            runs = [in_own_process(resume, folder, iteration, args) for _ in range(args.repeats)]
            total, first_batch = min(runs)
            row = {'resume s': total, 'of it first batch s': first_batch}
            table.add(iteration=iteration, **row)
    write_results(args, table.rows)


def config(folder: Path, max_iters: int, args: argparse.Namespace) -> Config:
    """Training without validation, from random weights."""
    register_all_modules(init_default_scope=False)
    if args.threads:
        torch.set_num_threads(args.threads)
    cfg = get_config(args.config)
    cfg.work_dir, cfg.log_level = str(folder), 'ERROR'
    cfg.train_cfg.update(max_iters=max_iters, val_interval=max_iters)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.model.backbone.init_cfg = None
    if 'semi_start' in cfg.model:
        cfg.model.semi_start = 0
    cfg.default_hooks.checkpoint.interval = 1
    cfg.default_hooks.pop('visualization')
    for stream in cfg.train_dataloader.values():
        stream.num_workers = args.workers
        stream.persistent_workers = args.workers > 0
    return cfg


def train_one_iteration(folder: Path, args: argparse.Namespace) -> None:
    """Leave ``iter_1.pth`` in the folder."""
    Runner.from_cfg(config(folder, 1, args)).train()


class Resumed(Exception):
    """The first train step begins."""


def resume(folder: Path, iteration: int, args: argparse.Namespace) -> tuple[float, float]:
    """Seconds until the first train step, and of that, until the first batch."""
    checkpoint = torch.load(folder / 'iter_1.pth', weights_only=False)
    checkpoint['meta']['iter'] = iteration
    path = folder / f'resumed_{iteration}.pth'
    torch.save(checkpoint, path)
    cfg = config(folder, iteration + 1, args)
    cfg.update(resume=True, load_from=str(path))
    runner = Runner.from_cfg(cfg)
    waited = []
    batches = StreamDataLoader.batches

    def timed_batches(self: StreamDataLoader, start: int = 0):
        if start != iteration:
            raise RuntimeError(f'the loader starts at {start}, not at {iteration}')
        begin = time.perf_counter()
        iterator = batches(self, start)
        first = next(iterator)
        waited.append(time.perf_counter() - begin)
        yield first
        yield from iterator

    def train_step(*args, **kwargs):
        raise Resumed

    StreamDataLoader.batches, runner.model.train_step = timed_batches, train_step
    begin = time.perf_counter()
    try:
        with contextlib.redirect_stdout(None):  # of the loader of checkpoints
            runner.train()
    except Resumed:
        return time.perf_counter() - begin, waited[0]
    raise RuntimeError('there was no train step')


if __name__ == '__main__':
    main()
