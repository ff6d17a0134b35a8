import gzip
import json
import time
import uuid
import zlib
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

from ..core.atomic import write_atomically
from ..core.errors import UserError

ATTEMPT = dict(definition=str, inputs=dict, began=Real, seconds=Real)
RECORD = dict(ATTEMPT, outputs=dict, metrics=dict, note=str, command=str, run=str)
VALUES = dict(outputs=str, metrics=Real)


class State(NamedTuple):
    """What the folder of a stage holds.

    Attributes:
        name (str): ``missing``, ``interrupted``, ``finished`` or ``stale``.
        why (str): The reason, for people.
    """

    name: str
    why: str = ''


class StageFolder:
    """A folder of one stage and seed, and what it says about how far the stage is.

    ``attempt.json`` is written when the stage begins and says what it is made from: a digest of
    its definition, and which run of each input it reads. ``files.json.gz`` holds the sizes and
    times of the data. ``stage.json`` is written last and adds what came out. It holds no paths but
    those relative to the folder, so it may be moved.

    Args:
        path (Path): The folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def record(self) -> dict:
        """Content of ``stage.json``; empty if the stage is not finished."""
        return self._read('stage.json')

    @property
    def log(self) -> Path:
        """What the stage writes to the console."""
        return self.path / 'console.log'

    def state(self, definition: str, inputs: Mapping[str, str | None]) -> State:
        """Compare what the folder holds with what it should be made from.

        Args:
            definition (str): Digest of the stage's definition.
            inputs (Mapping[str, str | None]): The run of each input by its name; None if that
                input is not finished.

        Raises:
            ValueError: If a file of the folder is damaged.
        """
        if not self.path.is_dir() or not any(self.path.iterdir()):
            return State('missing')
        record = self.record
        begun = record or self._read('attempt.json')
        if not begun:
            return State('stale', 'no workflow wrote this folder')
        if begun['definition'] != definition:
            return State('stale', 'its config or settings changed')
        changed = [name for name, run in inputs.items() if begun['inputs'].get(name) != run]
        if changed:
            return State('stale', f'made from another run of {", ".join(changed)}')
        return State('finished') if record else State('interrupted', 'it will be resumed')

    @property
    def files(self) -> dict | None:
        """State of the data files that the stage was made from; None if nothing says so."""
        file = self.path / 'files.json.gz'
        if not file.is_file():
            return None
        try:
            return json.loads(gzip.decompress(file.read_bytes()))
        except (ValueError, EOFError, OSError, zlib.error) as error:
            raise _damaged(file, str(error)) from error

    def begin(
        self, definition: str, inputs: Mapping[str, str], files: Mapping | None = None
    ) -> None:
        """Note what the stage is made from, before it starts or resumes; see ``state``.

        Args:
            definition (str): Digest of the stage's definition.
            inputs (Mapping[str, str]): The run of each input by its name.
            files (Mapping, optional): What JSON can hold about the data files it reads.
        """
        if files is not None:
            content = gzip.compress(json.dumps(files).encode(), mtime=0)
            write_atomically(self.path / 'files.json.gz', content)
        earlier = self._read('attempt.json')
        seconds = 0.0
        if earlier:
            # Nobody could note when the attempt was killed, but its log did.
            last_sign = self.log.stat().st_mtime if self.log.exists() else 0
            seconds = earlier['seconds'] + max(0, last_sign - earlier['began'])
        attempt = dict(
            definition=definition, inputs=dict(inputs), began=time.time(), seconds=seconds
        )
        self._write('attempt.json', attempt)

    def finish(self, **content: object) -> dict:
        """Write that the stage is finished.

        Args:
            **content: What ``record`` holds besides the definition, the inputs, the name of this
                run, and the seconds of all attempts together.

        Returns:
            dict: The record.
        """
        attempt = self._read('attempt.json')
        attempt['seconds'] += time.time() - attempt['began']
        nothing = dict(outputs={}, metrics={}, note='', command='')
        self._write('stage.json', {**attempt, **nothing, **content, 'run': uuid.uuid4().hex})
        return self.record

    def set_aside(self) -> Path:
        """Rename the folder to the first free ``<folder>.stale-<number>``.

        Returns:
            Path: The new name.
        """
        number = 1
        while (target := self.path.with_name(f'{self.path.name}.stale-{number}')).exists():
            number += 1
        return self.path.rename(target)

    def _read(self, name: str) -> dict:
        file = self.path / name
        if not file.is_file():
            return {}
        try:
            content = json.loads(file.read_text('utf-8'))
            problem = _problem(content, RECORD if name == 'stage.json' else ATTEMPT)
        except (ValueError, RecursionError) as error:
            problem = str(error)
        if problem:
            raise _damaged(file, problem)
        return content

    def _write(self, name: str, content: dict) -> None:
        write_atomically(self.path / name, json.dumps(content, indent=2))


def _damaged(file: Path, problem: str) -> UserError:
    return UserError(
        f"'{file}' is damaged ({problem}); restore it, or delete it to run the stage again"
    )


def _problem(content: Any, kinds: Mapping[str, type]) -> str:
    """What is wrong with the content of a file, or nothing."""
    if not isinstance(content, dict):
        return f'it holds a {type(content).__name__} instead of a dict'
    wrong = [name for name, kind in kinds.items() if not isinstance(content.get(name), kind)]
    if wrong:
        return f'it has no {wrong[0]}, or one of another type'
    for name, kind in VALUES.items():
        if name in kinds and not all(isinstance(value, kind) for value in content[name].values()):
            return f'its {name} have values of another type'
    return ''
