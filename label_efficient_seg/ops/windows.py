"""Windows that cover a large image, each with some context around the pixels that it decides."""

from collections.abc import Iterator
from typing import NamedTuple

from ..core.errors import UserError


class Window(NamedTuple):
    """Rows and columns of an image, as slices."""

    rows: slice
    columns: slice
    own_rows: slice
    """Those of which this window's prediction is kept."""

    own_columns: slice


def image_windows(height: int, width: int, side: int, context: int) -> Iterator[Window]:
    """Cover an image by windows of equal size whose own pixels divide it.

    Args:
        height (int): Of the image.
        width (int): Of the image.
        side (int): Height and width of a window; the image's own where it is smaller.
        context (int): Least number of pixels between a window's border and its own pixels, unless
            the border is that of the image. Less than half of ``side``.

    Yields:
        Window: Row by row.
    """
    if not 0 <= 2 * context < side:
        raise UserError(f'a window of {side} pixels cannot have {context} of context on each side')
    for rows, own_rows in _spans(height, side, context):
        for columns, own_columns in _spans(width, side, context):
            yield Window(rows, columns, own_rows, own_columns)


def _spans(length: int, side: int, context: int) -> list[tuple[slice, slice]]:
    if length <= side:
        return [(slice(0, length), slice(0, length))]
    count = -(-(length - 2 * context) // (side - 2 * context))
    starts = [(length - side) * index // (count - 1) for index in range(count)]
    # Each border lies in the middle of an overlap, which is as wide as two contexts at least.
    pairs = zip(starts, starts[1:], strict=False)
    borders = [0, *((start + side + after) // 2 for start, after in pairs), length]
    return [
        (slice(start, start + side), slice(*borders[index : index + 2]))
        for index, start in enumerate(starts)
    ]
