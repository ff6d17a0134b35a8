"""Classes by the names that another tool gives them."""

from collections.abc import Sequence

from ...core.errors import UserError
from ...core.suggest import did_you_mean


def class_index(name: str, classes: Sequence[str]) -> int:
    """Index of a class.

    Raises:
        UserError: If it is not listed.
    """
    if name not in classes:
        raise UserError(f'the class {name!r} is not listed; {did_you_mean(name, classes)}')
    return list(classes).index(name)
