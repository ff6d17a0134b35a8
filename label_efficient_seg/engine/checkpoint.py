"""Finding and writing checkpoints without losing files."""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import print_log

from ..core.atomic import write_atomically
from ..core.weights import archive_fault


def latest_checkpoint(work_dir: str | Path) -> str | None:
    """Newest sound checkpoint of an iteration-based run.

    ``last_checkpoint`` in the folder is preferred, but an interruption can leave it behind the
    files themselves, or naming a file that is gone. A checkpoint whose checksums do not fit its
    content is passed over with a warning.

    Args:
        work_dir (str | Path): Folder of the run.

    Returns:
        str | None: Path, or None if there is none.
    """
    faults = {}
    for path in _candidates(Path(work_dir)):
        # Unlike that of `Path`, this function takes whatever the marker names.
        if path in faults or not os.path.isfile(path):
            continue
        faults[path] = archive_fault(path)
        if faults[path] is None:
            _say_damaged(faults, f'{path.name!r} is used instead')
            return str(path)
    _say_damaged(faults, 'there is no other')
    return None


def _candidates(work_dir: Path) -> Iterator[Path]:
    """The files that may be the newest, from the most to the least likely."""
    marker = work_dir / 'last_checkpoint'
    if marker.is_file():
        # By its name alone: the folder may have been moved or copied since.
        text = marker.read_text('utf-8', errors='replace')
        yield work_dir / (Path(text.strip()).name or os.devnull)
    numbered = {
        int(number): path
        for path in work_dir.glob('iter_*.pth')
        if (number := path.stem.removeprefix('iter_')).isdecimal()
    }
    for number in sorted(numbered, reverse=True):
        yield numbered[number]


def _say_damaged(faults: Mapping[Path, str | None], outcome: str) -> None:
    for path, fault in faults.items():
        if fault:
            message = f'checkpoint {str(path)!r} is damaged: {fault}; {outcome}'
            print_log(message, 'current', logging.WARNING)


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
