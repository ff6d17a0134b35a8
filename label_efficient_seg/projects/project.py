"""The folder of a project: what is written to it, and the decisions that went into it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

from ..core.atomic import write_atomically
from ..core.config_files import check_quotable
from ..core.errors import ExistingFileError, MissingFileError
from ..core.tables import print_table

WORKFLOW = 'workflow.py'
RUNS = 'runs'
CONFIGS = '{{$LABEL_EFFICIENT_SEG_CONFIGS:}}'
HERE = '{{ fileDirname }}'


class Project:
    """A new folder.

    Args:
        folder (str | os.PathLike): Where it is to be; nothing or an empty folder is there.

    Raises:
        FileExistsError: If something is there.
        ValueError: If configs in it could not name it.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(os.path.abspath(folder))
        check_quotable(self.folder)
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise ExistingFileError(
                f"'{folder}' exists and is not empty; remove it, or choose another --out"
            )
        self.decisions: list[tuple[str, str, str]] = []

    def decide(self, name: str, value: object, reason: str) -> None:
        """Note a decision.

        Args:
            name (str): What is decided.
            value (object): What for.
            reason (str): Why, in a few words.
        """
        self.decisions.append((name, str(value), reason))

    def path(self, target: str | os.PathLike) -> str:
        """A file, as configs name it: from this folder, if it is in it or beside it."""
        target = Path(os.path.abspath(target))
        if self.folder.parent not in target.parents:
            return target.as_posix()
        return f'{HERE}/{Path(os.path.relpath(target, self.folder)).as_posix()}'

    def write(self, name: str, text: str) -> None:
        """Write a file, whole or not at all."""
        write_atomically(self.folder / name, text)

    def print_decisions(self) -> None:
        """Print all decisions with their reasons."""
        print_table(['decided', 'value', 'because'], self.decisions, lines=False)

    @contextmanager
    def complete(self) -> Iterator[None]:
        """Take away what was written if it was not all."""
        before = self.folder.exists()
        try:
            yield
        except BaseException:
            for path in self.folder.glob('*') if self.folder.is_dir() else ():
                path.unlink()
            if not before and self.folder.is_dir():
                self.folder.rmdir()
            raise


def is_project(folder: str | os.PathLike) -> bool:
    """Whether a folder is one that ``les new`` wrote."""
    return Path(folder, WORKFLOW).is_file()


def find_workflow(folder: str | os.PathLike) -> Path:
    """The workflow of a project's folder.

    Args:
        folder (str | os.PathLike): What ``les new`` wrote.

    Raises:
        FileNotFoundError: If the folder has none.
    """
    path = Path(folder, WORKFLOW)
    if not is_project(folder):
        raise MissingFileError(f"folder '{folder}' has no {WORKFLOW}; les new writes one")
    return path


def method_run(folder: str | os.PathLike) -> Path:
    """The training of a project's method, that of the lowest seed.

    Args:
        folder (str | os.PathLike): What ``les new`` wrote.

    Raises:
        FileNotFoundError: If the folder is no project, or no such training has begun.
    """
    method = Config.fromfile(find_workflow(folder)).method
    runs = Path(folder, RUNS).glob(f'{method}_seed*')
    seeds = {int(path.name.rpartition('_seed')[2]): path for path in runs}
    if not seeds:
        raise MissingFileError(
            f"'{folder}' has no training of {method} yet; les run {folder} makes it"
        )
    return seeds[min(seeds)]
