"""What a run has left: which files are lost, half-written, or other than in another run."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

# What is logged, and configs, which name the folder of their run.
LOGS = re.compile(r'\d{8}_\d{6}|log|console\.log|.+\.py|\..+')
# Names of files, times and digests of files that name both.
VOLATILE = {
    'began', 'seconds', 'run', 'inputs', 'command', 'checkpoint', 'checkpoint_sha256', 'cams',
    'CAMs', 'CAMs_sha256', 'config', 'config_sha256',
}  # fmt: skip
WEIGHTS = ('state_dict', 'optimizer', 'param_schedulers')
NUMBERED = re.compile(r'iter_(\d+)\.pth')

Inventory = dict[str, tuple[int, int]]


def inventory(folder: Path) -> Inventory:
    """Files that are no logs, relative to a folder, with time and size.

    What never had its final name, as ``atomic.py`` leaves it when it is killed, is left out.
    """
    found = {}
    for path in sorted(folder.rglob('*')):
        name = path.relative_to(folder)
        if path.is_file() and not any(LOGS.fullmatch(part) for part in name.parts):
            found[str(name)] = (path.stat().st_mtime_ns, path.stat().st_size)
    return found


def lost_files(before: Inventory, after: Inventory) -> list[str]:
    """Files that were there and are no more, or belong to a finished stage and have changed.

    A checkpoint may give way to a newer one, and a summary is withdrawn while a stage that is not
    finished works on what it sums up.

    Args:
        before (Inventory): Of a folder of stages.
        after (Inventory): Of the same folder later.

    Returns:
        list[str]: Their names.
    """
    return [
        name
        for name, state in before.items()
        if (name not in after and not _superseded(name, before, after))
        or (_finished(name, before) and after.get(name) != state)
    ]


def _finished(name: str, files: Inventory) -> bool:
    return f'{name.split("/")[0]}/stage.json' in files


def _superseded(name: str, before: Inventory, after: Inventory) -> bool:
    path = Path(name)
    if path.suffix == '.json':
        return not _finished(name, before)
    beside = [Path(other).name for other in after if Path(other).parent == path.parent]
    if match := NUMBERED.fullmatch(path.name):
        numbers = [int(found[1]) for found in map(NUMBERED.fullmatch, beside) if found]
        return max(numbers, default=0) > int(match[1])
    criterion = path.name.partition('_iter_')[0]
    return path.name.startswith('best_') and any(x.startswith(criterion) for x in beside)


def half_written(folder: Path) -> list[str]:
    """Files of a folder that cannot be read."""
    broken = []
    for name in inventory(folder):
        try:
            read(folder / name)
        except Exception as error:  # decoders raise many types
            broken.append(f'{name}: {error!r}')
    return broken


def differences(expected: Path, found: Path) -> list[str]:
    """Files that only one of two folders has, or whose content differs.

    Args:
        expected (Path): Folder of an undisturbed run.
        found (Path): Folder of another one.

    Returns:
        list[str]: Their names, with the place in the file.
    """
    first, second = inventory(expected), inventory(found)
    differing = [f'{name} in one run only' for name in sorted(first.keys() ^ second.keys())]
    for name in sorted(first.keys() & second.keys()):
        if place := _difference(read(expected / name), read(found / name), name):
            differing.append(place)
    return differing


def read(path: Path) -> Any:
    """What matters in a file.

    Raises:
        Exception: If the file is not complete.
    """
    return READERS.get(path.suffix, Path.read_bytes)(path)


def _weights(path: Path) -> dict:
    checkpoint = torch.load(path, map_location='cpu', weights_only=False)
    return {key: checkpoint[key] for key in WEIGHTS if key in checkpoint}


def _settings(path: Path) -> Any:
    content = json.loads(path.read_text('utf-8'))
    return {key: value for key, value in content.items() if key not in VOLATILE}


def _scores(path: Path) -> dict:
    """Scores by image, in lines the last of which may be cut off; see ``read_scores``."""
    found = {}
    for line in path.read_text('utf-8').splitlines():
        if line.endswith('}'):
            score = json.loads(line)
            found[score['image']] = score
    return found


def _arrays(path: Path) -> dict:
    with np.load(path) as file:
        return {name: file[name] for name in file.files if name not in VOLATILE}


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def _name(path: Path) -> str:
    """The file that ``last_checkpoint`` names."""
    return Path(path.read_text('utf-8')).name


READERS: Mapping[str, Callable[[Path], Any]] = {
    '.pth': _weights,
    '.json': _settings,
    '.jsonl': _scores,
    '.npz': _arrays,
    '.png': _pixels,
    '': _name,
}


def _difference(first: Any, second: Any, place: str) -> str | None:
    """The first place at which two nested values differ."""
    if type(first) is not type(second):
        return place
    if isinstance(first, (dict, list, tuple)):
        if isinstance(first, dict) and first.keys() != second.keys() or len(first) != len(second):
            return place
        keys = first if isinstance(first, dict) else range(len(first))
        places = (_difference(first[key], second[key], f'{place}: {key}') for key in keys)
        return next(filter(None, places), None)
    if isinstance(first, torch.Tensor):
        return None if torch.equal(first, second) else place
    if isinstance(first, np.ndarray):
        return None if np.array_equal(first, second) else place
    return None if first == second else place
