"""YAML as data cards have it: no key twice, no aliases, no surprises."""

import re
from pathlib import Path
from typing import Any

import yaml

from ...core.errors import MissingFileError, UserError


class CardError(UserError):
    """A data card says something that cannot be."""


class _UniqueKeys(yaml.SafeLoader):
    """Refuses what YAML readers otherwise take silently: the later of two equal keys.

    It refuses aliases, too: some lines of them stand for billions of values.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()
            raise yaml.composer.ComposerError(
                problem=f'*{event.anchor} stands for what is written elsewhere; write it out',
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    problem=f'the key {key!r} stands there twice', problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict:
    """Read the keys and values of a card.

    Args:
        path (Path): The file.

    Returns:
        dict: What it says.

    Raises:
        FileNotFoundError: If there is no such file.
        CardError: If it is no YAML, or holds no keys and values.
    """
    try:
        text = path.read_text(encoding='utf-8-sig')
        values = yaml.load(text, _UniqueKeys)
    except FileNotFoundError:
        raise MissingFileError(f"data card '{path}' does not exist") from None
    except (IsADirectoryError, UnicodeDecodeError) as error:
        raise CardError(f"data card '{path}' is no text file: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        line = f'line {mark.line + 1}: ' if mark else ''
        hint = '; write colours in quotes, "#804000"' if re.search(r'[{,\s]#[0-9a-f]{6}\s*:', text,
                                                                   re.I) else ''  # fmt: skip
        problem = getattr(error, 'problem', None) or error
        raise CardError(f"data card '{path}' is no YAML: {line}{problem}{hint}") from error
    except (ValueError, OverflowError, RecursionError) as error:  # of numbers, dates and depth
        raise CardError(f"data card '{path}' is no YAML: {error}") from error
    if not isinstance(values, dict):
        raise CardError(f"data card '{path}' must hold lines of the form 'key: value'")
    return values
