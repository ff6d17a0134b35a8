"""Faults of data, disks and processes that a stage meets half-way."""

import builtins
import os
import re
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from mmengine.model import BaseModel
from PIL import Image, ImageOps
from torch.utils.data import get_worker_info

from label_efficient_seg.datasets.seeded_samples import SeededSamples
from label_efficient_seg.engine.checkpoint import latest_checkpoint

from .evidence import inventory
from .half_way import Case

PATIENCE = 3000
"""Tenths of a second that a run is waited for."""


@contextmanager
def nothing(case: Case, folder: Path) -> Iterator[None]:
    """Leave all files as they are."""
    yield


def truncated_newest(case: Case, folder: Path) -> Iterator[None]:
    """The newest checkpoint was not written to its end."""
    case.add_newest(folder, lambda content: content[: len(content) // 2])
    return nothing(case, folder)


def flipped_newest(case: Case, folder: Path) -> Iterator[None]:
    """A bit of the newest checkpoint has changed on the disk."""

    def flip(content: bytes) -> bytes:
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]

    case.add_newest(folder, flip)
    return nothing(case, folder)


class Array:
    """An array that calls a constructor of NumPy when it is unpickled, over memory of nobody."""

    def __reduce__(self) -> tuple:
        return np.ndarray, ((4,), 'O')


def hostile_numpy(case: Case, folder: Path) -> Iterator[None]:
    """The newest checkpoint makes an array whose values are addresses that the file chooses."""

    def change(checkpoint: dict) -> None:
        checkpoint['meta']['extra'] = Array()

    return changed([newest(folder)], lambda content: _checkpoint(content, change))


@contextmanager
def hostile_paths(case: Case, folder: Path) -> Iterator[None]:
    """The newest checkpoint names a folder beside its run as the best checkpoint."""
    victim = folder.with_name(f'{folder.name}_victim')
    (victim / 'more').mkdir(parents=True, exist_ok=True)

    def change(checkpoint: dict) -> None:
        info = checkpoint['message_hub']['runtime_info']
        info.update({key: str(victim) for key in info if key.startswith('best_ckpt')})
        info['best_ckpt'] = str(victim)

    newest(folder).write_bytes(_checkpoint(newest(folder).read_bytes(), change))
    yield
    (victim / 'more').rmdir()  # raises an error if it is gone
    victim.rmdir()


@contextmanager
def copied_folder(case: Case, folder: Path) -> Iterator[None]:
    """A copy of the folder is resumed first; the original must not lose anything by that."""
    copy, before = folder.with_name(f'{folder.name}_copy'), inventory(folder)
    shutil.copytree(folder, copy)
    status, output = case.run(copy)
    if status or inventory(folder) != before:
        raise RuntimeError(f'the copy changed the original, or failed: {output[-2000:]}')
    shutil.rmtree(copy)
    yield


@contextmanager
def second_run(case: Case, folder: Path) -> Iterator[None]:
    """Another run works in the folder, and stays in its first iteration meanwhile."""
    signs = folder.with_name(f'{folder.name}_signs')
    signs.mkdir(exist_ok=True)

    def wait_for(name: str) -> None:
        for _ in range(PATIENCE):
            if (signs / name).exists():
                return
            time.sleep(0.1)
        raise RuntimeError(f'the other run has not come to its {name}')

    def hold() -> None:
        parse = BaseModel.parse_losses

        def parse_later(self: BaseModel, losses: dict) -> tuple:
            (signs / 'begin').touch()
            wait_for('end')
            return parse(self, losses)

        BaseModel.parse_losses = parse_later

    with ThreadPoolExecutor() as pool:
        other = pool.submit(case.run, folder, hold)
        wait_for('begin')
        yield
        (signs / 'end').touch()
        status, output = other.result()
    shutil.rmtree(signs)
    if status:
        raise RuntimeError(f'the first run failed: {output[-2000:]}')


def newest(folder: Path) -> Path:
    """The newest checkpoint in a folder."""
    return Path(latest_checkpoint(folder))


def _checkpoint(content: bytes, change: Callable[[dict], None]) -> bytes:
    checkpoint = torch.load(BytesIO(content), weights_only=False)
    change(checkpoint)
    file = BytesIO()
    torch.save(checkpoint, file)
    return file.getvalue()


@contextmanager
def changed(files: list[Path], change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Change files, and restore them afterwards."""
    contents = {file: (file.read_bytes(), file.stat()) for file in files}
    if not contents:
        raise ValueError('there is no file to change')
    try:
        for file, (content, _) in contents.items():
            file.write_bytes(change(content))
        yield
    finally:
        for file, (content, state) in contents.items():
            file.write_bytes(content)
            os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def inverted_images(files: list[Path]) -> AbstractContextManager[None]:
    """Images whose bright pixels are dark, and the other way round."""

    def change(content: bytes) -> bytes:
        with Image.open(BytesIO(content)) as image:
            file = BytesIO()
            ImageOps.invert(image.convert('RGB')).save(file, image.format)
        return file.getvalue()

    return changed(files, change)


def corrupt_images(case: Case, folder: Path) -> Iterator[None]:
    """JPEGs of which a half is missing."""

    def change(content: bytes) -> bytes:
        jpeg = BytesIO()
        Image.open(BytesIO(content)).convert('RGB').save(jpeg, 'jpeg')
        return jpeg.getvalue()[: len(jpeg.getvalue()) // 2]

    return changed(case.images, change)


def other_size(case: Case, folder: Path) -> Iterator[None]:
    """Masks without their last row."""
    return changed(case.masks, lambda content: change_mask(content, lambda mask: mask[:-1]))


def stray_label(case: Case, folder: Path) -> Iterator[None]:
    """Masks with a pixel that has the value 200."""

    def change(mask: np.ndarray) -> np.ndarray:
        return np.where(np.arange(mask.size).reshape(mask.shape) == 0, np.uint8(200), mask)

    return changed(case.masks, lambda content: change_mask(content, change))


def truncated_input(case: Case, folder: Path) -> Iterator[None]:
    """Checkpoints of earlier stages of which a half is missing."""
    return changed(case.checkpoints, lambda content: content[: len(content) // 2])


def change_mask(content: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """A PNG of a mask with other labels, and the palette that it had."""
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
    """The second process of a distributed run dies after its first checkpoint."""
    parse, calls = BaseModel.parse_losses, []

    def parse_or_die(self: BaseModel, losses: dict) -> tuple:
        calls.append(losses)
        if os.environ['RANK'] == '1' and len(calls) == 6:
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
        aside (str): Regular expression of files that it may leave beside those of an undisturbed
            run.
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
    aside: str = ''

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
    Fault('truncated_checkpoint', damage=truncated_newest, harmless=True),
    Fault('damaged_checkpoint', damage=flipped_newest, harmless=True),
    Fault('hostile_numpy', r'holds more than tensors and plain containers', hostile_numpy),
    Fault('hostile_paths', damage=hostile_paths, harmless=True, aside=r'best_.*'),
    Fault('copied_folder', damage=copied_folder, harmless=True),
    Fault('second_run', 'a training is running in', second_run),
    Fault('truncated_input', r'\.pth.* is damaged or incomplete', truncated_input, fresh=True),
    Fault('corrupt_jpeg', r"image '.*' is damaged", corrupt_images),
    Fault('mask_size', r"mask '.*' is \d+x\d+ .*but the image is", other_size),
    Fault('label_200', r"mask '.*outside.*\b200\b", stray_label),
    Fault('nan_loss', r'iteration \d+: .*loss.* = nan', before=break_losses),
    Fault('dead_worker', r'worker .*(killed|died|exited)', before=kill_workers, workers=1),
    # A run of one process cannot go on with two.
    Fault('dead_process', r'another process', before=kill_second_process, fresh=True, processes=2),
)
