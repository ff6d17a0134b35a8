"""How fast the check of data reads: python dev/benchmarks/check_files.py."""

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from measuring import Table, add_common_arguments, image_size, in_own_process, write_results
from mmengine.config import Config

import label_efficient_seg  # noqa: F401 - registers the components
from label_efficient_seg.datasets.checks.checking import check_config

CLASSES = 8
COLUMNS = {'images': '', 'workers': '', 'CPU s': '.1f', 's': '.1f', 'images/s': '.0f'}


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Measure how long `les check` reads JPEG images with their masks, in threads. '
        'The files are links to a few that differ, so that the disk plays no part.'
    )
    parser.add_argument('--images', type=int, default=20_000)
    parser.add_argument(
        '--size', type=image_size, default=(500, 375), metavar='WIDTHxHEIGHT', help='of an image'
    )
    parser.add_argument('--workers', nargs='+', type=int, default=[1, 2])
    parser.add_argument(
        '--repeats', type=int, default=1, help='of all numbers of workers, in turns'
    )
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Measure each number of threads in a process of its own, and print a table."""
    args = parse_args()
    table = Table(COLUMNS)
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), args.images, args.size)
        for _ in range(args.repeats):
            for workers in args.workers:
                table.add(**in_own_process(measure, args.images, workers, folder))
    write_results(args, table.rows)


def make_files(root: Path, number: int, size: tuple[int, int], different: int = 20) -> None:
    """Photos with smooth colours and some noise, and masks of blocks."""
    random = np.random.default_rng(0)
    for kind in ('different', 'images', 'masks'):
        (root / kind).mkdir()
    for index in range(different):
        colours = random.integers(256, size=(6, 8, 3), dtype=np.uint8)
        smooth = cv2.resize(colours, size, interpolation=cv2.INTER_CUBIC)
        noise = random.normal(0, 8, smooth.shape)
        photo = np.clip(smooth + noise, 0, 255).astype(np.uint8)
        labels = random.integers(CLASSES, size=(6, 8), dtype=np.uint8)
        mask = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(root / 'different' / f'{index}.jpg'), photo)
        cv2.imwrite(str(root / 'different' / f'{index}.png'), mask)
    for index in range(number):
        for folder, suffix in (('images', 'jpg'), ('masks', 'png')):
            original = root / 'different' / f'{index % different}.{suffix}'
            os.link(original, root / folder / f'{index:06}.{suffix}')


def measure(number: int, workers: int, folder: str) -> dict:
    """A row of the table."""
    dataset = dict(
        type='BaseSegDataset',
        data_root=folder,
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        metainfo=dict(classes=[str(index) for index in range(CLASSES)]),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
    )
    processor, wall = time.process_time(), time.perf_counter()
    report = check_config(Config(dict(train_dataloader=dict(dataset=dataset))), workers)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    if report.findings:
        raise SystemExit(f'the files are sound, but {report.findings[0]}')
    row = dict(images=number, workers=workers, s=wall)
    return {**row, 'CPU s': processor, 'images/s': number / wall}


if __name__ == '__main__':
    main()
