"""The one place where files of weights are read, and where converters write them.

A checkpoint is a pickle, and a pickle may run anything. :func:`load_checkpoint` therefore reads
tensors, plain containers, and the numbers that MMEngine stores (:mod:`.plain_pickles`), and refuses
all else. The restriction is local to the call: nothing is switched on or off for the process.

Importing this module also makes it MMEngine's loader of local files, so ``load_from``, ``resume``,
``init_cfg`` and ``mmseg.apis.init_model`` read in the same way; MMEngine's own loaders ask for, or
fall back to, unpickling anything.
"""

import io
import os
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from reprlib import repr
from typing import Any

import torch
from mmengine.runner import CheckpointLoader

from .atomic import write_atomically
from .errors import MissingFileError, NotFiniteError, UserError
from .plain_pickles import STAND_INS, without_stand_ins
from .stack_internals import is_unsupported_format, refusal_reason

TRUST_FLAG = '--trust-checkpoint'
ZIP = b'PK\x03\x04'
_TRUSTED: ContextVar[bool] = ContextVar('trusted', default=False)


@contextmanager
def trusting_checkpoints(trust: bool = True) -> Iterator[None]:
    """Allow checkpoints that are loaded inside a ``with`` block to run code.

    It reaches what MMEngine loads there, such as ``load_from`` and ``init_cfg``. Other threads and
    processes are not affected.

    Args:
        trust (bool): False changes nothing, for a flag of a command line.
    """
    token = _TRUSTED.set(trust or _TRUSTED.get())
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def load_checkpoint(path: str | Path, map_location: Any = 'cpu', trust: bool = False) -> dict:
    """Load a local checkpoint, ``.pth`` or ``.safetensors``.

    Args:
        path (str | Path): The file.
        map_location: As in ``torch.load``.
        trust (bool): Allow the file to run code, for old files from a source you trust. The same
            holds inside of :func:`trusting_checkpoints`.

    Returns:
        dict: The checkpoint; of a safetensors file, ``dict(state_dict=...)``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, is no dict, or holds objects that are not loaded by
            default.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise MissingFileError(
            f'checkpoint {str(path)!r} does not exist; if a config names it as initial weights, '
            'the config or its base says how to get it'
        )
    if path.suffix == '.safetensors':
        return _load_safetensors(path, map_location)
    if _first_bytes(path) == ZIP and archive_fault(path):
        raise _damaged(path)
    try:
        checkpoint = _unpickle(path, map_location, trust or _TRUSTED.get())
    except (PermissionError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # reading a damaged pickle ends in any of a dozen types
        if not _is_refusal(error, path):
            raise _damaged(path) from error
        raise UserError(
            f'checkpoint {str(path)!r} holds more than tensors and plain containers and was not '
            f'loaded, since unpickling it could run code. If you trust its source, add '
            f'{TRUST_FLAG}. ({refusal_reason(error)})'
        ) from error
    _check_form(checkpoint, path)
    return checkpoint


def _check_form(checkpoint: Any, path: Path) -> None:
    state = checkpoint
    if isinstance(checkpoint, dict):
        state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, dict):
        raise UserError(
            f'checkpoint {str(path)!r} holds a {type(state).__name__} instead of a dict of '
            'weights; save model.state_dict()'
        )
    if odd := [key for key in state if not isinstance(key, str)]:
        raise UserError(
            f'checkpoint {str(path)!r} has the name {repr(odd[0])}, which is no text, for a '
            'weight; save model.state_dict()'
        )


def check_finite(state: Mapping[str, Any], path: str | Path) -> None:
    """Refuse weights with which every prediction is wrong.

    Args:
        state (Mapping[str, Any]): Weights by name; what is no tensor is left alone.
        path (str | Path): Where they come from, for the message.

    Raises:
        FloatingPointError: If a weight is NaN or infinite; it names the first ones.
    """
    bad = [
        name
        for name, tensor in state.items()
        if isinstance(tensor, torch.Tensor)
        and tensor.is_floating_point()
        and not tensor.isfinite().all()
    ]
    if bad:
        raise NotFiniteError(
            f'checkpoint {str(path)!r} has NaN or infinite values in {len(bad)} of {len(state)} '
            f'tensors ({", ".join(bad[:3])}{", ..." if len(bad) > 3 else ""}); use an earlier one '
            'of the run'
        )


def save_checkpoint(path: str | Path, checkpoint: Mapping) -> None:
    """Write a checkpoint that is complete or absent.

    Args:
        path (str | Path): ``.pth`` file; parent folders are made.
        checkpoint (Mapping): What to write.

    Raises:
        OSError: If it cannot be written. PyTorch itself would raise an error without a number.
    """
    content = io.BytesIO()
    torch.save(checkpoint, content)
    write_atomically(path, content.getvalue())


def archive_fault(path: str | Path) -> str | None:
    """What is wrong with a checkpoint in PyTorch's zip format, judged by its whole content.

    Args:
        path (str | Path): The file.

    Returns:
        str | None: The fault, or None for a sound file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            # Else what is checked here and what PyTorch reads could be different parts.
            if len({part.filename for part in parts}) < len(parts):
                return 'two of its parts have one name'
            if sum(part.compress_size for part in parts) > os.path.getsize(path):
                return 'its parts overlap'
            for part in parts:
                # PyTorch compresses the code of TorchScript only: of all else, what is announced
                # has to be there, before memory is taken for it.
                is_code = part.filename.split('/')[1:2] == ['code']
                if part.file_size != part.compress_size and not is_code:
                    return f'its part {part.filename!r} has another size than it says'
            # PyTorch itself does not compare the checksums.
            broken = archive.testzip()
            return f'its part {broken!r} is damaged' if broken else None
    except PermissionError:
        raise
    except Exception:  # reading a damaged archive ends in any of a dozen types
        return 'it is incomplete'


def _first_bytes(path: Path) -> bytes:
    with open(path, 'rb') as file:
        return file.read(4)


def _unpickle(path: Path, map_location: Any, trust: bool) -> Any:
    if trust:
        return torch.load(path, map_location=map_location, weights_only=False)
    # Only the stand-ins: what another package of this process has allowed does not hold here.
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(STAND_INS)
    try:
        loaded = torch.load(path, map_location=map_location, weights_only=True)
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)
    return without_stand_ins(loaded)


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
        # A zip file, which was found sound, or a pickle: PyTorch's format before 1.6.
        return _first_bytes(path) == ZIP or _first_bytes(path)[:1] == b'\x80'
    return is_unsupported_format(error)


def _load_for_mmengine(filename: str, map_location: Any = None) -> dict:
    checkpoint = load_checkpoint(filename, map_location or 'cpu')
    meta = checkpoint.get('meta')
    if isinstance(meta, dict) and not _TRUSTED.get():
        # A runner that resumes would run this text as a config; today's checkpoints have `cfg`.
        meta.pop('config', None)
    return checkpoint


CheckpointLoader.register_scheme('', _load_for_mmengine, force=True)
