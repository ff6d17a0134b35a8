"""Speed of the dataloader alone: python dev/benchmarks/data_loading.py --workers 0 1 2."""

import argparse
import time

import torch
from measuring import Table, add_common_arguments, in_own_process, write_results
from mmengine.registry import init_default_scope
from mmengine.utils.dl_utils import set_multi_processing
from mmseg.utils import register_all_modules

import label_efficient_seg  # noqa: F401 - registers the components
from label_efficient_seg.core.config_index import get_config
from label_efficient_seg.datasets.stream_data_loader import StreamDataLoader

COLUMNS = {'workers': '', 'images/s': '.1f', 'first batch s': '.2f'}


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure how many images of all streams together the StreamDataLoader gives, '
        'to a loop that does nothing else. Workers are those of each stream. The first batch, '
        'for which they start, is no part of the rate.'
    )
    parser.add_argument('--config', default='advsemi/deeplabv2_r18_toy_semi')
    parser.add_argument('--workers', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--batches', type=int, default=100, help='after the first one')
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Measure each number of workers in a process of its own, and print a table."""
    args = parse_args()
    table = Table(COLUMNS)
    for workers in args.workers:
        table.add(**in_own_process(measure, workers, args))
    write_results(args, table.rows)


def measure(workers: int, args: argparse.Namespace) -> dict:
    """Images per second."""
    register_all_modules(init_default_scope=False)
    init_default_scope('mmseg')
    cfg = get_config(args.config)
    # As in a training: workers fork, and the process that measures was spawned.
    set_multi_processing(**cfg.env_cfg.mp_cfg)
    if args.threads:
        torch.set_num_threads(args.threads)
    streams = cfg.train_dataloader
    for stream in streams.values():
        stream.num_workers = workers
        stream.persistent_workers = workers > 0
    batches = StreamDataLoader(streams, seed=0).batches()
    start = time.perf_counter()
    next(batches)
    first = time.perf_counter() - start
    start = time.perf_counter()
    images = 0
    for _ in range(args.batches):
        images += sum(len(batch['inputs']) for batch in next(batches).values())
    seconds = time.perf_counter() - start
    return {'workers': workers, 'images/s': images / seconds, 'first batch s': first}


if __name__ == '__main__':
    main()
