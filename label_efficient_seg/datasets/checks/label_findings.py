"""What the labels of the streams of a config show, and what they never do."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from ...core.labels import IGNORE
from ..files.masks import VOID_HINT
from .streams import Finding, Stream

MOST_NAMES = 10


def check_labels(streams: Sequence[Stream]) -> list[Finding]:
    """Find labels from which nothing can be learned or measured.

    Streams that were read in part only are left alone: what they show is not known.

    Args:
        streams (Sequence[Stream]): With the statistics of their masks.

    Returns:
        list[Finding]: Streams without any label, test streams with a single class, classes without
        a pixel in all training streams.
    """
    findings, training, testing = [], defaultdict(list), defaultdict(list)
    for stream in streams:
        if not (stream.labeled and stream.classes and stream.is_complete and stream.pixels.any()):
            continue
        shown = np.flatnonzero(stream.pixels[: len(stream.classes)])
        if not len(shown):
            text = f'all pixels of its {stream.inspected} masks are void ({IGNORE})'
            findings.append(Finding(stream.name, 'no label', text))
        elif stream.is_training:
            training[stream.classes].append(stream)
        else:
            testing[stream.classes].append(stream)
            if len(shown) == 1:
                text = f'its masks show {stream.classes[shown[0]]!r} only{void_hint([stream])}'
                findings.append(Finding(stream.name, 'a single class', text))
    incomplete = {s.classes for s in streams if s.labeled and s.is_training and not s.is_complete}
    for classes, members in training.items():
        if classes not in incomplete:
            findings += _without_pixels(classes, members, testing[classes])
    return findings


def _without_pixels(
    classes: Sequence[str], training: Sequence[Stream], testing: Sequence[Stream]
) -> Iterator[Finding]:
    """Classes that some training mask could show, but none does."""
    pixels = sum(stream.pixels for stream in training)
    missing = [
        label
        for label in sorted(set().union(*(stream.reachable for stream in training)))
        if not pixels[label]
    ]
    tested = [label for label in missing if any(stream.pixels[label] for stream in testing)]
    name = training[0].name if len(training) == 1 else 'train'
    for kind, labels, others in (
        ('class that is tested, but never trained', tested, ', but those of val or test do'),
        ('class without a pixel', [n for n in missing if n not in tested], ''),
    ):
        if labels:
            listed = ', '.join(repr(classes[label]) for label in labels[:MOST_NAMES])
            more = f' and {len(labels) - MOST_NAMES} more' if len(labels) > MOST_NAMES else ''
            text = f'no training mask shows {listed}{more}{others}{void_hint(training)}'
            yield Finding(name, kind, text)


def void_hint(streams: Sequence[Stream]) -> str:
    """Advice for masks of 0 and 255, as programs write them that draw in black and white."""
    pixels = sum(stream.pixels for stream in streams)
    return VOID_HINT if pixels[IGNORE] and np.count_nonzero(pixels) == 2 else ''
