"""Tables on the console."""

import io
from collections.abc import Sequence
from numbers import Real

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Wider than any table: a terminal wraps long lines, and what is copied from it stays whole.
_WIDTH = 100_000


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], lines: bool = True, digits: int = 2
) -> None:
    """Print a table; columns of numbers are aligned to the right.

    Args:
        headers (Sequence[str]): Column titles.
        rows (Sequence[Sequence[object]]): Cells; None for an empty one.
        lines (bool): Whether to draw lines between columns, as Markdown does.
        digits (int): Decimal places of floats.
    """
    table = Table(box=box.MARKDOWN if lines else None, pad_edge=lines)
    for index, header in enumerate(headers):
        cells = [row[index] for row in rows if row[index] is not None]
        numeric = cells and all(isinstance(cell, Real) for cell in cells)
        table.add_column(header, justify='right' if numeric else 'left')
    for row in rows:
        table.add_row(*(Text(_format(cell, digits)) for cell in row))
    text = io.StringIO()
    Console(file=text, width=_WIDTH, color_system=None).print(table)
    drawn = (line.rstrip() for line in text.getvalue().splitlines())
    print('\n'.join(line for line in drawn if line))


def _format(cell: object, digits: int) -> str:
    if cell is None:
        return ''
    return f'{cell:.{digits}f}' if isinstance(cell, float) else str(cell)
