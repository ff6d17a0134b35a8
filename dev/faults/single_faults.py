"""Faults of data, disks and processes that a stage meets half-way."""

import builtins
import os
import re
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from mmengine.model import BaseModel
from PIL import Image
from torch.utils.data import get_worker_info

from label_efficient_seg.datasets.seeded_samples import SeededSamples

from .half_way import Case


@contextmanager
def nothing(case: Case) -> Iterator[None]:
    """Leave all files as they are."""
    yield


@contextmanager
def changed(files: list[Path], change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Change files, and restore them afterwards."""
    contents = {file: file.read_bytes() for file in files}
    if not contents:
        raise ValueError('there is no file to change')
    try:
        for file, content in contents.items():
            file.write_bytes(change(content))
        yield
    finally:
        for file, content in contents.items():
            file.write_bytes(content)


def corrupt_images(case: Case) -> Iterator[None]:
    """JPEGs of which a half is missing."""

    def change(content: bytes) -> bytes:
        jpeg = BytesIO()
        Image.open(BytesIO(content)).convert('RGB').save(jpeg, 'jpeg')
        return jpeg.getvalue()[: len(jpeg.getvalue()) // 2]

    return changed(case.images, change)


def other_size(case: Case) -> Iterator[None]:
    """Masks without their last row."""
    return changed(case.masks, lambda content: _mask(content, lambda mask: mask[:-1]))


def stray_label(case: Case) -> Iterator[None]:
    """Masks with a pixel that has the value 200."""

    def change(mask: np.ndarray) -> np.ndarray:
        return np.where(np.arange(mask.size).reshape(mask.shape) == 0, np.uint8(200), mask)

    return changed(case.masks, lambda content: _mask(content, change))


def truncated_input(case: Case) -> Iterator[None]:
    """Checkpoints of earlier stages of which a half is missing."""
    return changed(case.checkpoints, lambda content: content[: len(content) // 2])


def _mask(content: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    with Image.open(BytesIO(content)) as image:
        mask, palette = np.asarray(image), image.getpalette()
    changed_image = Image.fromarray(change(mask))
    if palette:
        changed_image.putpalette(palette)
    png = BytesIO()
    changed_image.save(png, 'png')
    return png.getvalue()


def limit_checkpoints() -> None:
    """No file may have the size of a checkpoint."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))


def limit_results() -> None:
    """From the second mask or class map on, no file may grow."""
    open_any, opened = builtins.open, []

    def open_or_limit(file: object, *args, **kwargs) -> object:
        if str(file).endswith(('.png', '.npz')) and 'wb' in args:
            opened.append(file)
        if len(opened) == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20, resource.RLIM_INFINITY))
        return open_any(file, *args, **kwargs)

    builtins.open = open_or_limit


def break_losses() -> None:
    """The first loss of every iteration is NaN."""
    parse = BaseModel.parse_losses

    def parse_broken(self: BaseModel, losses: dict) -> tuple:
        name = next(name for name in losses if 'loss' in name)
        value = losses[name]
        broken = [v * np.nan for v in value] if isinstance(value, list) else value * np.nan
        return parse(self, {**losses, name: broken})

    BaseModel.parse_losses = parse_broken


def kill_workers() -> None:
    """Workers that load data die at once, as when memory is full."""
    load = SeededSamples.__getitem__

    def load_or_die(self: SeededSamples, key: tuple[int, int]) -> object:
        if get_worker_info():
            os.kill(os.getpid(), signal.SIGKILL)
        return load(self, key)

    SeededSamples.__getitem__ = load_or_die


def kill_second_process() -> None:
    """The second process of a distributed run dies in its second iteration."""
    parse, calls = BaseModel.parse_losses, []

    def parse_or_die(self: BaseModel, losses: dict) -> tuple:
        calls.append(losses)
        if os.environ['RANK'] == '1' and len(calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return parse(self, losses)

    BaseModel.parse_losses = parse_or_die


@dataclass(frozen=True)
class Fault:
    """A fault that a stage meets.

    Attributes:
        name (str): Its name.
        cause (str): Regular expression that the message must match.
        damage (Callable): Gives the context in which files are damaged.
        before (Callable, optional): Called in the stage's process before its tool runs.
        fresh (bool): Whether the stage begins anew instead of half-way.
        workers (int): Workers that load data.
        processes (int): Processes of the stage.
        images (bool): Whether it is for the stages that work image by image, instead of trainings.
        harmless (bool): Whether the stage has to go on in spite of it.
    """

    name: str
    cause: str = ''
    damage: Callable = field(default=nothing)
    before: Callable | None = None
    fresh: bool = False
    workers: int = 0
    processes: int = 1
    images: bool = False
    harmless: bool = False

    def judge(self, status: int, output: str) -> tuple[str, list[str]]:
        """What a tool says of it, and what is wrong with that.

        Args:
            status (int): Status in which the tool ended.
            output (str): What it printed.
        """
        if self.harmless:
            return f'status {status}', [output[-2000:]] if status else []
        errors = [line for line in output.splitlines() if line.startswith('error: ')]
        message = errors[-1] if errors else output.strip().rpartition('\n')[2]
        wrong = [] if status > 0 else [f'ended with status {status}']
        if len(errors) != 1 or not re.search(self.cause, message):
            wrong.append(f'no readable message of the cause: {output[-2000:]}')
        return message, wrong


FAULTS = (
    Fault('full_disk', r'disk is full .*iter_\d+\.pth', before=limit_checkpoints),
    Fault('full_disk_images', r'disk is full .*\.(png|npz)', before=limit_results, images=True),
    Fault('truncated_checkpoint', harmless=True),
    Fault('truncated_input', r'\.pth.* is damaged or incomplete', truncated_input, fresh=True),
    Fault('corrupt_jpeg', r"image '.*' is damaged", corrupt_images),
    Fault('mask_size', r"mask '.*' is \d+x\d+ .*but the image is", other_size),
    Fault('label_200', r"mask '.*outside.*\b200\b", stray_label),
    Fault('nan_loss', r'iteration \d+: .*loss.* = nan', before=break_losses),
    Fault('dead_worker', r'worker .*(killed|died|exited)', before=kill_workers, workers=1),
    Fault('dead_process', r'process', before=kill_second_process, processes=2),
)
