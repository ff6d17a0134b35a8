"""Hints at the end of messages about unknown names."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(
    name: str,
    known: Iterable[str],
    otherwise: str | None = None,
    number: int = 1,
    cutoff: float = 0.6,
) -> str:
    """Suggest what a misspelt name may have meant.

    Args:
        name (str): The unknown name.
        known (Iterable[str]): The names that exist.
        otherwise (str, optional): The hint if no name is similar. Defaults to a list of all names.
        number (int): Most names to suggest.
        cutoff (float): Least similarity of a suggestion, in [0, 1].

    Returns:
        str: Such as ``"did you mean 'train'?"``.

    Example:
        >>> did_you_mean('trian', ['train', 'test'])
        "did you mean 'train'?"
    """
    known = list(known)
    if close := get_close_matches(name, known, number, cutoff):
        return f'did you mean {" or ".join(map(repr, close))}?'
    return f'there are {", ".join(known) or "none"}' if otherwise is None else otherwise
