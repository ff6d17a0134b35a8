"""Reading and writing checkpoints without trusting strangers and without losing files."""

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader

from ..core.atomic import write_atomically
from ..core.errors import MissingFileError, UserError

TRUST_FLAG = '--trust-checkpoint'


def secure_loading(trust: bool = False) -> None:
    """Decide for this process whether loading a checkpoint may execute code inside it.

    Checkpoints are pickles, and pickles may run anything. PyTorch can refuse all but tensors and
    plain containers, but MMEngine's loaders either fall back to full unpickling or ask for it. The
    environment variables set here override what any caller of ``torch.load`` asks for.

    Args:
        trust (bool): Allow arbitrary pickles, for old files from a source you trust.
    """
    os.environ.pop('TORCH_FORCE_WEIGHTS_ONLY_LOAD', None)
    os.environ.pop('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', None)
    name = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD' if trust else 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
    os.environ[name] = '1'
    core = np._core if hasattr(np, '_core') else np.core
    # What MMEngine's own checkpoints hold: the log's history and NumPy scalars. None of these
    # runs code that a file could choose.
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            (_get_statistic, 'builtins.getattr'),
            core.multiarray._reconstruct,
            core.multiarray.scalar,
            np.ndarray,
            np.dtype,
            *{
                type(np.dtype(t))
                for t in ('bool', 'i1', 'u1', 'i4', 'i8', 'u4', 'u8', 'f2', 'f4', 'f8')
            },
        ]
    )
    CheckpointLoader.register_scheme('', load_checkpoint_file, force=True)


def _get_statistic(owner: type, name: str) -> Any:
    """Stands in for ``getattr``, by which pickles refer to the methods of ``HistoryBuffer``."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'mean', 'current'):
        raise pickle.UnpicklingError(f'a checkpoint may not look up {name!r} of {owner!r}')
    return getattr(owner, name)


def load_checkpoint_file(filename: str, map_location: Any = None) -> dict:
    """Load a local checkpoint, ``.pth`` or ``.safetensors``.

    Args:
        filename (str): Path.
        map_location: As in ``torch.load``; the CPU when absent.

    Returns:
        dict: The checkpoint; of a safetensors file, ``dict(state_dict=...)``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, is no dict, or holds objects that are not loaded by
            default.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise MissingFileError(
            f'checkpoint {str(path)!r} does not exist; if a config names it as initial weights, '
            'the config or its base says how to get it'
        )
    map_location = map_location or 'cpu'
    if path.suffix == '.safetensors':
        return _load_safetensors(path, map_location)
    try:
        checkpoint = torch.load(path, map_location=map_location)
    except (PermissionError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # reading a damaged pickle ends in any of a dozen types
        if not _is_refusal(error, path):
            raise _damaged(path) from error
        raise UserError(
            f'checkpoint {str(path)!r} holds more than tensors and plain containers and was not '
            f'loaded, since unpickling it could run code. If you trust its source, add '
            f'{TRUST_FLAG}. ({_reason(error)})'
        ) from error
    if not isinstance(checkpoint, dict):
        raise UserError(
            f'checkpoint {str(path)!r} holds a {type(checkpoint).__name__} instead of a dict of '
            'weights; save model.state_dict()'
        )
    return checkpoint


def _load_safetensors(path: Path, map_location: Any) -> dict:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(state_dict=load_file(path, device=str(map_location)))
    except SafetensorError as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> UserError:
    return UserError(
        f'checkpoint {str(path)!r} is damaged or incomplete ({path.stat().st_size:,} '
        'bytes); download or write it again, or use an earlier one'
    )


def _is_refusal(error: Exception, path: Path) -> bool:
    """Whether PyTorch would not read a file, rather than could not."""
    if isinstance(error, pickle.UnpicklingError):
        return is_complete(path) or _is_legacy_pickle(path)
    # TorchScript, and the tar files of its first versions.
    return str(error).startswith('Cannot use ``weights_only=True``')


def _reason(error: Exception) -> str:
    """What was refused, without PyTorch's advice to switch the protection off."""
    if not isinstance(error, pickle.UnpicklingError):
        return str(error).partition('. ')[0].replace('``weights_only=True``', 'safe loading')
    text = str(error).partition('\n\nCheck the documentation')[0].strip().splitlines()[-1]
    return text.strip().removeprefix('WeightsUnpickler error: ').partition(' Please use ')[0]


def _is_legacy_pickle(path: Path) -> bool:
    """Whether a file starts as the pickles that PyTorch wrote before 1.6, and most others, do."""
    with open(path, 'rb') as file:
        return file.read(1) == b'\x80'


def is_complete(path: str | Path) -> bool:
    """Whether a checkpoint of PyTorch's zip format was written to its end."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # one that says that it has several parts
        return False


def latest_checkpoint(work_dir: str | Path) -> str | None:
    """Newest complete checkpoint of an iteration-based run.

    ``last_checkpoint`` in the folder is preferred, but an interruption can leave it behind the
    files themselves, or naming a file that is gone.

    Args:
        work_dir (str | Path): Folder of the run.

    Returns:
        str | None: Path, or None if there is none.
    """
    work_dir = Path(work_dir)
    marker = work_dir / 'last_checkpoint'
    named = []
    if marker.is_file():
        # By its name alone: the folder may have been moved or copied since.
        text = marker.read_text('utf-8', errors='replace')
        named.append(work_dir / (Path(text.strip()).name or os.devnull))
    numbered = {
        int(number): path
        for path in work_dir.glob('iter_*.pth')
        if (number := path.stem.removeprefix('iter_')).isdecimal()
    }
    for path in named + [numbered[number] for number in sorted(numbered, reverse=True)]:
        # Unlike that of `Path`, this function takes whatever the marker names.
        if os.path.isfile(path) and is_complete(path):
            return str(path)
    return None


@register_backend('atomic')
class AtomicLocalBackend(LocalBackend):
    """Local files that are complete or absent, whenever the process dies or the disk is full."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes.

        Args:
            obj (bytes): Content.
            filepath (str | Path): Where; parent folders are made.
        """
        write_atomically(filepath, obj)
