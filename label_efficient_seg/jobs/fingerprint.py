"""What the files of a folder are made from, so that none is taken for that of another run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, is_main_process

from ..core.atomic import write_atomically
from ..core.digests import digest, file_digest
from ..core.errors import MissingFileError, UserError


def checkpoint_digest(path: str | Path) -> str:
    """SHA-256 of a checkpoint file.

    Raises:
        FileNotFoundError: If the checkpoint does not exist.
    """
    if not Path(path).is_file():
        raise MissingFileError(f'checkpoint {str(path)!r} does not exist')
    return file_digest(path)


def claim_folder(out_dir: str | Path, fingerprint: Mapping[str, str], what: str) -> str:
    """Note in ``fingerprint.json`` what a folder's files are made from; called by all processes.

    Args:
        out_dir (str | Path): The folder; it need not exist.
        fingerprint (Mapping[str, str]): A digest of each thing that the files depend on, by a name
            for people, such as ``checkpoint`` and ``config``.
        what (str): What the files are, for messages, such as ``'scores'``.

    Returns:
        str: Name of the run, a digest of the fingerprint.

    Raises:
        ValueError: If the folder holds files with another fingerprint, or a damaged one.
    """
    file = Path(out_dir) / 'fingerprint.json'
    earlier = _read(file) if file.exists() else fingerprint
    if changed := [key for key in fingerprint if earlier.get(key) != fingerprint[key]]:
        raise UserError(
            f"'{out_dir}' holds {what} of another {' and another '.join(changed)} (model, images, "
            'pipeline or settings); choose another folder with --out, or delete this one'
        )
    if is_main_process():
        write_atomically(file, json.dumps(fingerprint, indent=2))
    barrier()  # without it, there may be no other file
    return _run(fingerprint)


def read_run(folder: str | Path, verb: str) -> str:
    """Name of the run that the files of a folder come from.

    Args:
        folder (str | Path): Folder of the files; ``fingerprint.json`` stands beside it.
        verb (str): Verb of the command ``les`` that makes such files, for messages.

    Returns:
        str: What :func:`claim_folder` gave that run.

    Raises:
        FileNotFoundError: If no run has claimed the folder.
        ValueError: If its fingerprint is damaged.
    """
    file = Path(folder).resolve().parent / 'fingerprint.json'
    if not file.is_file():
        raise MissingFileError(
            f"'{folder}' is no folder that les {verb} wrote: there is no '{file}'"
        )
    return _run(_read(file))


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text('utf-8'))
    except (ValueError, RecursionError) as error:
        raise _damaged(file, str(error)) from error
    if not isinstance(content, dict):
        raise _damaged(file, f'it holds a {type(content).__name__} instead of a dict')
    return content


def _damaged(file: Path, reason: str) -> UserError:
    return UserError(
        f"'{file}' is damaged ({reason}), so nothing says what the files beside it are made from; "
        'delete the folder, or choose another'
    )


def _run(fingerprint: Mapping[str, str]) -> str:
    return digest(dict(fingerprint))[:16]
