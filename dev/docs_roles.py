"""Docstrings as Markdown: for the site of `make docs`."""

import re
from typing import Any

import griffe

ROLE = re.compile(r':(?:attr|class|func|meth|mod):`~?([^`]+)`')


def plain(text: str) -> str:
    """Roles of reStructuredText become code, and `Example::` becomes `Example:`."""
    text = ROLE.sub(lambda match: f'`{match[1].lstrip(".")}`', text)
    return re.sub(r'::$', ':', text, flags=re.MULTILINE).replace('``', '`')


class Roles(griffe.Extension):
    """Applies it to all docstrings."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object in place."""
        if obj.docstring:
            obj.docstring.value = plain(obj.docstring.value)
