"""What a user of the command line sees when something is wrong with a config or with data."""

import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.registry import Registry
from mmseg import registry

from ..core.atomic import DISK_FULL
from ..core.suggest import did_you_mean

TRACEBACK_VARIABLE = 'LABEL_EFFICIENT_SEG_TRACEBACK'
PACKAGE = Path(__file__).resolve().parents[1]
FRAME = re.compile(r'^ +File "(?P<file>[^"]+)", line \d+, in .*\n +(?P<source>.*)\n', re.MULTILINE)

# The deaths of other processes, as PyTorch reports them, and what to do.
DEATHS = {
    r'DataLoader worker \(pid.*': 'a worker that loads data died, as it does when the memory is '
    'full; set a smaller num_workers or batch_size',
    r'.*(gloo/transport.* by peer|remote process exited).*': 'another process of this run died; '
    'see why in what it printed',
}


@contextmanager
def readable_errors() -> Iterator[None]:
    """Print the errors that this package raises on purpose as one line, without a traceback.

    So are a full disk and the death of another process. All others, which may be faults of a
    program, keep their traceback. With the environment variable
    ``LABEL_EFFICIENT_SEG_TRACEBACK`` set, every error does.

    Raises:
        SystemExit: With status 1, instead of an error of this package; with status 130, as shells
            have it, instead of an interruption by the keyboard.
    """
    try:
        yield
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        message = _outside_message(error) or _own_message(error)
        if message is None or os.environ.get(TRACEBACK_VARIABLE):
            raise
        print(f'error: {message}\n({TRACEBACK_VARIABLE}=1 shows the traceback)', file=sys.stderr)
        sys.exit(1)


def _own_message(error: Exception) -> str | None:
    """The message of an error if one of this package's ``raise`` statements made it."""
    # The text, unlike the traceback object, also has the frames inside of dataloader workers.
    text = ''.join(traceback.format_exception(error))
    frames = list(FRAME.finditer(text))
    if not frames or not frames[-1]['source'].startswith('raise '):
        return None
    if PACKAGE not in Path(frames[-1]['file']).resolve().parents:
        return None
    after = re.search(rf'^(\w+\.)*{type(error).__name__}: ', text[frames[-1].end() :], re.MULTILINE)
    return text[frames[-1].end() + after.end() :].strip() if after else None


def _outside_message(error: Exception) -> str | None:
    """What to do if the disk is full or another process died."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return f'the disk is full ({error}). Complete files are kept; make room and run it again'
    for pattern, advice in DEATHS.items():
        if isinstance(error, RuntimeError) and (match := re.search(pattern, str(error))):
            return f'{advice}. A training goes on with --resume ({match[0].strip()})'
    return None


def unknown_argument(error: TypeError, cfg: Mapping) -> ValueError | None:
    """Say where in a config an argument stands that its class does not have.

    Args:
        error (TypeError): What building something of the config raised.
        cfg (Mapping): The config, or the parts of it that are built.

    Returns:
        ValueError | None: With the place and the most similar argument; None if the error is
        about something else.
    """
    match = re.search(r"got an unexpected keyword argument '(\w+)'", str(error))
    for path, kind in _places(cfg, match[1]) if match else ():
        known = _arguments(kind)
        if known and match[1] not in known:
            hint = did_you_mean(match[1], known, 'remove it')
            return ValueError(f'{path}: {kind} has no argument {match[1]!r}; {hint}')
    return None


def _places(node: Any, key: str, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Dotted paths of a key and the types it is an argument of."""
    if isinstance(node, Mapping):
        if key in node and key != 'type' and isinstance(node.get('type'), str):
            yield '.'.join((*path, key)), node['type']
        for name, child in node.items():
            yield from _places(child, key, (*path, str(name)))
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from _places(child, key, (*path, str(index)))


def _arguments(kind: str) -> set[str]:
    """Names of the arguments of a registered class and of the classes it inherits from."""
    found = (r.get(kind) for r in vars(registry).values() if isinstance(r, Registry))
    names: set[str] = set()
    for cls in inspect.getmro(next(filter(inspect.isclass, found), object)):
        if '__init__' in vars(cls) and cls is not object:
            names.update(inspect.signature(cls.__init__).parameters)
    return names - {'self', 'args', 'kwargs'}
