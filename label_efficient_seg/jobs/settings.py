"""Settings of jobs: dataclasses whose fields are the options of a command line, too."""

from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, field, fields
from typing import Any


def option(default: Any = MISSING, help: str = '', type: Callable | None = None) -> Any:
    """A field of settings.

    Without a default it names an input: a file or folder whose content the files of a job are made
    from. The input ``checkpoint`` is that of the config's model.

    Args:
        default: Any value that JSON can hold.
        help (str): One line for the command line.
        type (Callable, optional): Reads a word of the command line. Follows from the annotation,
            which is ``bool``, ``int``, ``float``, ``str`` or a ``Sequence`` of one of them.
    """
    return field(default=default, metadata=dict(help=help, type=type))


def is_input(setting: Field) -> bool:
    """Whether a field of settings names an input."""
    return setting.default is MISSING


def flag(name: str) -> str:
    """The option of the command line that stands for a field."""
    return '--' + name.replace('_', '-')


def command_words(settings: Any) -> list[str]:
    """Settings as words of a command line, the checkpoint first."""
    return [word for setting in fields(settings) for word in _words(settings, setting.name)]


def _words(settings: Any, name: str) -> Iterator[str]:
    value = getattr(settings, name)
    if name == 'checkpoint':
        yield value
    elif isinstance(value, bool):
        yield flag(name) if value else '--no-' + flag(name)[2:]
    elif isinstance(value, (list, tuple)):
        yield from [flag(name), *map(str, value)] if value else ()
    else:
        yield from (flag(name), str(value))
