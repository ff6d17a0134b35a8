"""A stage that takes some milliseconds, and workflows of it."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from label_efficient_seg.workflows import STAGES, Result, Stage

TOOL = Path(__file__).with_name('fake_tool.py')


@STAGES.register_module()
class FakeStage(Stage):
    """See ``fake_tool.py``; ``hold`` and ``fail`` are not part of what it is.

    Args:
        value: Added to the seed and the inputs.
        inputs: Files with a value.
        hold: File that keeps it from going on while it exists.
        fail: Whether it ends with an error.
        cfg_options: ``value`` replaces the value.
    """

    outputs = ('value',)
    tool = str(TOOL)
    steps = 8

    def __init__(
        self,
        value: float = 0,
        inputs: tuple[str, ...] = (),
        hold: Path | None = None,
        fail: bool = False,
        cfg_options: dict | None = None,
    ) -> None:
        self.value, self.inputs = (cfg_options or {}).get('value', value), inputs
        self.hold, self.fail = hold, fail

    def definition(self, seed: int) -> list:
        return [self.value, self.inputs, seed]

    def arguments(self, folder: Path, seed: int) -> list[str]:
        flags = ['--hold', str(self.hold)] if self.hold else []
        flags += ['--fail'] if self.fail else []
        return [str(folder), str(self.value + seed), *map(str, self.inputs), *flags]

    def collect(self, folder: Path) -> Result:
        file = folder / 'value.txt'
        return Result(dict(value=file), dict(mIoU=float(file.read_text())), note='fake')


def fake(name: str, *inputs: str, value: float = 1, **settings) -> dict:
    """Settings of a stage that reads the values, or ``other.output``, of others."""
    references = [f'{{{i if "." in i else i + ".value"}}}' for i in inputs]
    return dict(name=name, type='FakeStage', value=value, inputs=references, **settings)


def wait_for(file: Path, text: str = '') -> str:
    """Content of a file that something running is about to write, with a text in it."""
    deadline = time.time() + 120
    while not (file.exists() and file.read_text() and text in file.read_text()):
        assert time.time() < deadline, file
        time.sleep(0.01)
    return file.read_text()


@contextlib.contextmanager
def meanwhile(*work) -> Iterator[None]:
    """Call functions one after the other in a thread; wait for it."""
    thread = threading.Thread(target=lambda: [function() for function in work])
    thread.start()
    yield
    thread.join()


def kill(folder: Path, number: int = signal.SIGKILL) -> None:
    """Send a signal to the fake tool that waits in a folder."""
    os.kill(int(wait_for(folder / 'pid')), number)
