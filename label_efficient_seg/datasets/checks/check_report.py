"""The result of a dataset check as text."""

from collections import defaultdict
from collections.abc import Sequence

from ...core.labels import IGNORE
from .checking import CheckReport
from .streams import Stream


def format_report(report: CheckReport, limit: int = 10) -> str:
    """Lay out a report for a terminal.

    Args:
        report (CheckReport): From :func:`check_config`.
        limit (int): Findings listed of each kind in each stream; the others are counted.

    Returns:
        str: Table of streams, table of classes, findings.
    """
    if not report.streams:
        return _findings(report, limit)
    parts = [_streams(report), *_classes(report.streams), *_stray(report.streams)]
    parts.append(_findings(report, limit))
    return '\n\n'.join(parts)


def _streams(report: CheckReport) -> str:
    rows = [('stream', 'images', 'read', 'masks', 'classes', 'findings')]
    for stream in report.streams:
        faults = sum(finding.stream == stream.name for finding in report.findings)
        masks = 'yes' if stream.labeled else 'no'
        rows.append(
            (
                stream.name,
                str(len(stream.samples)),
                str(stream.inspected),
                masks,
                str(len(stream.classes)),
                str(faults),
            )
        )
    return _table(rows)


def _classes(streams: Sequence[Stream]) -> list[str]:
    """Share of pixels and number of images of each class, one table per set of classes."""
    groups = defaultdict(list)
    for stream in streams:
        if stream.labeled and stream.classes and stream.pixels.any():
            groups[stream.classes].append(stream)
    tables = []
    for classes, members in groups.items():
        head = ['class']
        for stream in members:
            head += [f'{stream.name} pixels', 'images']
        rows = [head]
        for label, name in [*enumerate(classes), (IGNORE, '(void)')]:
            row = [name]
            for stream in members:
                share = 100 * stream.pixels[label] / stream.pixels.sum()
                row += [f'{share:.2f} %', str(stream.images[label])]
            rows.append(row)
        tables.append(_table(rows))
    return tables


def _stray(streams: Sequence[Stream]) -> list[str]:
    """Histograms of mask values outside the classes."""
    tables = []
    for stream in streams:
        if stream.stray:
            rows = [(f'{stream.name}: value outside the classes', 'pixels')]
            rows += [(str(value), str(count)) for value, count in sorted(stream.stray.items())]
            tables.append(_table(rows))
    return tables


def _findings(report: CheckReport, limit: int) -> str:
    if not report.findings:
        return 'no findings'
    groups = defaultdict(list)
    for finding in report.findings:
        groups[finding.stream, finding.kind].append(finding.text)
    count = len(report.findings)
    lines = [f'{count} finding{"s" * (count != 1)}']
    for (stream, kind), texts in groups.items():
        lines.append(f'{stream}: {kind} ({len(texts)})')
        lines += [f'  {text}' for text in texts[:limit]]
        if len(texts) > limit:
            lines.append(f'  ... and {len(texts) - limit} more (--show N lists more)')
    return '\n'.join(lines)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text in columns, the first one left-aligned, under a header line."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        '  '.join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return '\n'.join([lines[0], '-' * len(lines[0]), *lines[1:]])
