"""Write the toy dataset and say where it is: ``python -m label_efficient_seg.datasets.toy``."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from .folder import write_toy
from .spec import CLASSES, SPLITS, STYLES


def class_frequencies(root: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Count images and pixels per class of one split.

    Args:
        root (Path): Folder of a style.
        split (str): Name of a list under ``ImageSets/Segmentation``.

    Returns:
        tuple[np.ndarray, np.ndarray]: Number of images that show each class, and each class's
        share of the pixels that are not void, both of shape (C,).
    """
    names = (root / 'ImageSets' / 'Segmentation' / f'{split}.txt').read_text().split()
    counts = np.zeros((len(names), 256), int)
    for row, name in zip(counts, names, strict=True):
        mask = np.asarray(Image.open(root / 'SegmentationClass' / f'{name}.png'))
        row[:] = np.bincount(mask.ravel(), minlength=256)
    counts = counts[:, : len(CLASSES)]
    return (counts > 0).sum(axis=0), counts.sum(axis=0) / counts.sum()


def main() -> None:
    """Parse the arguments, write the dataset, print its place and its class frequencies."""
    parser = argparse.ArgumentParser(
        prog='python -m label_efficient_seg.datasets.toy',
        description='Write the toy dataset where it is missing and print its class frequencies.',
    )
    parser.add_argument(
        '--out',
        metavar='DIR',
        help='parent folder (default: $LABEL_EFFICIENT_SEG_CACHE or ~/.cache/label_efficient_seg)',
    )
    start = time.perf_counter()
    root = Path(write_toy(parser.parse_args().out))
    seconds = time.perf_counter() - start
    splits = [(style, split) for style in STYLES for split in SPLITS]
    columns = [class_frequencies(root / style, split) for style, split in splits]
    print('images with the class, and its share of the pixels\n')
    print(f'{"":17}' + ''.join(f'{style + " " + split:>15}' for style, split in splits))
    for index, name in enumerate(CLASSES):
        cells = (f'{images[index]:7d} {share[index]:7.2%}' for images, share in columns)
        print(f'{name:17}' + ''.join(cells))
    print(f'\n{root}\nready in {seconds:.1f} s')


if __name__ == '__main__':
    main()
