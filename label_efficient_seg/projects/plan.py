"""Sizes of a training in proportion to the images and to the time there is."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..core.errors import UserError
from .project import Project

PAPER = 'paper'
PAPER_ITERATIONS = 20000
SHARE = 0.8
"""Of a budget that is planned; the rest is for the validation and for starting."""


@dataclass(frozen=True)
class Sizes:
    """How large everything is.

    Attributes:
        scale (tuple[int, int]): Width and height of the box that images are resized to fit in.
        crop (tuple[int, int]): Height and width of a crop.
        batch (int): Images of a stream in an iteration.
        workers (int): Processes that load images.
    """

    scale: tuple[int, int]
    crop: tuple[int, int]
    batch: int
    workers: int


@dataclass(frozen=True)
class Budget:
    """What there is for all trainings of one seed.

    Attributes:
        seconds (float, optional): Time; None if the number of iterations is given.
        iterations (int): Of each training; a first guess if there is a time.
        reason (str): In words.
        paper (bool): Whether sizes are to be those of papers.
    """

    seconds: float | None
    iterations: int
    reason: str
    paper: bool = False

    @classmethod
    def read(cls, text: str, iterations: int | None) -> 'Budget':
        """Read what a user says.

        Args:
            text (str): Such as ``10min`` or ``1.5h``, or ``paper``.
            iterations (int, optional): In place of a time.

        Raises:
            ValueError: If it is none of these.
        """
        if iterations is not None:
            if iterations < 2:
                raise UserError(f'iterations must be at least 2, but are {iterations}')
            return cls(None, iterations, 'as asked for', text == PAPER)
        if text == PAPER:
            return cls(None, PAPER_ITERATIONS, 'as in papers', True)
        match = re.fullmatch(r'(\d+(?:\.\d+)?) ?(min|h)', text)
        if not match or not float(match[1]):
            raise UserError(f'budget {text!r} is no time; give one such as 10min, 1h or {PAPER!r}')
        return cls(float(match[1]) * dict(min=60, h=3600)[match[2]], PAPER_ITERATIONS, text)


def choose_sizes(project: Project, measured: np.ndarray, paper: bool, divisor: int = 1) -> Sizes:
    """Choose sizes by those of the images and by the machine.

    Args:
        project (Project): Notes the decisions.
        measured (np.ndarray): Width and height of some images, shape (N, 2).
        paper (bool): Whether to choose sizes of papers, whatever the machine.
        divisor (int): What sides of crops must be multiples of.

    Returns:
        Sizes: The sizes.
    """
    gpu = torch.cuda.is_available()
    machine = 'a GPU' if gpu else 'a CPU'
    most_scale, most_crop, batch = (
        (1024, 513, 8) if paper else (512, 321, 8) if gpu else (256, 161, 4)
    )
    long, short = (int(np.median(measured.max(1))), int(np.median(measured.min(1))))
    scale = min(long, most_scale)
    project.decide(
        'image_scale', scale,
        f'longest side; the images have {long} pixels, and {machine} gets at most {most_scale}',
    )  # fmt: skip
    inside = short * scale // long
    if divisor > 1:
        crop = max(min(most_crop, inside) // divisor, 2) * divisor
    else:
        crop = max(min(most_crop, 8 * ((inside - 1) // 8) + 1), 33)
    form = f'{divisor} n, which this network needs,' if divisor > 1 else '8 n + 1'
    project.decide('crop_size', crop, f'{form} that fits into {inside}; at most {most_crop}')
    project.decide('batch_size', batch, f'of each stream, on {machine}')
    return Sizes((scale, scale), (crop, crop), batch, workers=4 if gpu else 1)


def reduced_dilations(
    head: Mapping[str, Any], crop: int, stride: int = 8
) -> tuple[int, ...] | None:
    """Dilations in the proportion to the crop that the papers have.

    The largest of DeepLab's is 0.58 of the width of its feature map, on which it was developed:
    larger ones reach beyond the crop, so their outer weights never learn.

    Args:
        head (Mapping): Config of a decode head.
        crop (int): Width of a crop, in pixels.
        stride (int): Pixels from one position of the feature map to the next.

    Returns:
        tuple[int, ...] | None: None if the head has none, or they fit as they are.
    """
    dilations = head.get('dilations')
    if not dilations:
        return None
    ratio = 0.58 * math.ceil(crop / stride) / max(dilations)
    return tuple(max(1, round(ratio * value)) for value in dilations) if ratio < 0.95 else None


def discriminator_strides(crop: int) -> tuple[int, ...]:
    """Strides of an ``FCDiscriminator`` whose output is at least 8 wide: the paper's is 10.

    Args:
        crop (int): Width of a crop, in pixels.
    """
    halvings = min(max(int(math.log2(crop / 8)), 1), 5)
    return (2,) * halvings + (1,) * (5 - halvings)


def round_down(number: float) -> int:
    """A whole number with two digits that are not 0, at least 20."""
    digits = max(len(str(int(number))) - 2, 0)
    return max(int(number) // 10**digits * 10**digits, 20)


def teacher_momentum(length: int, paper: float) -> float:
    """Momentum of a teacher that averages over a part of the training, not over all of it.

    Args:
        length (int): Iterations.
        paper (float): Momentum of the paper, for some 40,000 iterations.
    """
    return 0.97 if length < 1000 else 0.99 if is_short(length) else paper


def is_short(length: int) -> bool:
    """Whether the rates and weights of papers would move little in so many iterations."""
    return length < PAPER_ITERATIONS // 2
