"""Time and memory of long lists of images: python dev/benchmarks/large_lists.py."""

import argparse
import resource
import tempfile
import time
from pathlib import Path

from measuring import Table, add_common_arguments, in_own_process, with_peak_memory, write_results
from mmengine.registry import init_default_scope
from mmseg.registry import DATA_SAMPLERS, DATASETS

import label_efficient_seg  # noqa: F401 - registers the components

COLUMNS = {
    'images': '',
    'files': '',
    'CPU s': '.2f',
    's': '.2f',
    'MiB': '.0f',
    'item us': '.0f',
    'skip s': '.3f',
}


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure how long an unlabeled dataset takes to read its list, and with files '
        'to look for all of them; the most memory meanwhile; reading the entry of an image; and '
        'going to the middle of the order of a resumed training of ten epochs.'
    )
    parser.add_argument('--images', nargs='+', type=int, default=[1000, 200_000, 1_000_000])
    parser.add_argument('--files', action='store_true', help='make empty files, in 1000 folders')
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Measure each length in a process of its own, and print a table."""
    args = parse_args()
    table = Table(COLUMNS)
    for number in args.images:
        with tempfile.TemporaryDirectory() as folder:
            table.add(**in_own_process(measure, number, args.files, Path(folder)))
    write_results(args, table.rows)


def measure(number: int, files: bool, root: Path) -> dict:
    """A row of the table."""
    init_default_scope('mmseg')
    names = [f'{index % 1000:03}/image_{index:09}' for index in range(number)]
    (root / 'list.txt').write_text(''.join(f'{name}\n' for name in names))
    if files:
        for index in range(min(number, 1000)):
            (root / f'{index:03}').mkdir()
        for name in names:
            (root / f'{name}.jpg').touch()
    del names
    cfg = dict(
        type='SemiVOCDataset', data_root=str(root), ann_file='list.txt',
        data_prefix=dict(img_path=''), labeled=False, strict=files, pipeline=[],
    )  # fmt: skip
    start, cpu = time.perf_counter(), time.process_time()
    dataset, memory = with_peak_memory(lambda: DATASETS.build(cfg), 'cpu')
    row = {'CPU s': time.process_time() - cpu, 's': time.perf_counter() - start}
    start = time.process_time()
    for index in range(1000):
        dataset.get_data_info(index * 7919 % number)
    row['item us'] = 1e3 * (time.process_time() - start)
    inner = dict(type='InfiniteSampler', shuffle=True)
    sampler = DATA_SAMPLERS.build(
        dict(type='PositionedSampler', sampler=inner), default_args=dict(dataset=dataset, seed=0)
    )
    sampler.skip(5 * number + number // 2)
    start = time.process_time()
    next(iter(sampler))
    row['skip s'] = time.process_time() - start
    memory = memory or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return dict(images=number, files='yes' if files else 'no', MiB=memory, **row)


if __name__ == '__main__':
    main()
