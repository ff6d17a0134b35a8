"""References of one stage to what another leaves: ``{stage.output}`` in any string."""

import re
from collections.abc import Callable
from typing import Any

REFERENCE = re.compile(r'\{([\w-]+)\.([\w-]+)\}')


def find_references(node: Any) -> list[tuple[str, str]]:
    """All references in nested values.

    Args:
        node: Dicts, lists, tuples, strings and anything else; keys of dicts are not looked at.

    Returns:
        list[tuple[str, str]]: Names of stage and output, each once, in order.
    """
    found: list[tuple[str, str]] = []

    def note(stage: str, output: str) -> str:
        found.append((stage, output))
        return ''

    replace_references(node, note)
    return list(dict.fromkeys(found))


def replace_references(node: Any, lookup: Callable[[str, str], str]) -> Any:
    """A copy of nested values with every reference replaced.

    Args:
        node: As above.
        lookup (Callable[[str, str], str]): Gives the text for the names of stage and output.

    Returns:
        The copy.
    """
    if isinstance(node, dict):
        return {key: replace_references(value, lookup) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(replace_references(value, lookup) for value in node)
    if isinstance(node, str):
        return REFERENCE.sub(lambda match: lookup(match[1], match[2]), node)
    return node
