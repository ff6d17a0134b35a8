"""What the drill found, as a table and as a file."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from label_efficient_seg.core.atomic import write_atomically

HEADINGS = ('method', 'fault', 'tried', 'survived', 'data lost', 'final weights equal')


@dataclass
class Outcome:
    """What a fault did to the runs of a method.

    Attributes:
        method (str): The method.
        fault (str): The fault.
        tried (int): How often it happened.
        survived (int): How often all was as it should be: the message, the files, and the end of
            the resumed run.
        lost (int): Files that were lost or half-written.
        runs (int): Runs that went on after it to their end.
        equal (int): How many of these left the same as an undisturbed one.
        notes (list[str]): Messages of the runs, and all that was wrong.
    """

    method: str
    fault: str
    tried: int = 0
    survived: int = 0
    lost: int = 0
    runs: int = 0
    equal: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing was wrong."""
        return self.tried == self.survived and self.runs == self.equal and not self.lost


def write_outcomes(path: Path, outcomes: Sequence[Outcome], **settings: object) -> None:
    """Write all that was found so far.

    Args:
        path (Path): A JSON file.
        outcomes (Sequence[Outcome]): What was found.
        **settings: Of the drill.
    """
    rows = [dict(asdict(outcome), sound=outcome.sound) for outcome in outcomes]
    write_atomically(path, json.dumps(dict(settings, outcomes=rows), indent=2) + '\n')


def format_table(outcomes: Sequence[Outcome]) -> str:
    """A table for people, in Markdown."""
    rows = [HEADINGS, tuple('---' for _ in HEADINGS)]
    for o in outcomes:
        cells = o.method, o.fault, o.tried, o.survived, o.lost, f'{o.equal} of {o.runs}'
        rows.append(tuple(map(str, cells)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return '\n'.join(
        '| ' + ' | '.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + ' |'
        for row in rows
    )
