"""A first look at the data as a training, a test or a job starts: a small sample of each stream."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from ...core.errors import UserError
from ...core.file_walk import map_files
from ...core.labels import IGNORE
from ..transforms import HideUnseenClasses, loads_masks
from .inspection import TRAITS, Inspection, Sample, find_traits, inspect_labels
from .label_findings import check_labels, void_hint
from .streams import Finding, Stream

LOOK = 32
"""Images and masks of each stream: a fraction of a second for most datasets."""


def look_at(datasets: Mapping[str, Any]) -> list[Finding]:
    """Find what loading hides of images, and labels from which nothing can be learned or measured.

    Args:
        datasets (Mapping[str, Dataset]): By the names of their streams.

    Returns:
        list[Finding]: As of :func:`look_at_images` and :func:`look_at_labels`.

    Raises:
        UserError: As of :func:`look_at_labels`.
    """
    streams = [part for name in datasets for part in built_streams(name, datasets[name])]
    return look_at_images(streams) + look_at_labels(streams)


def built_streams(name: str, dataset: Any) -> Iterator[Stream]:
    """The streams of a dataset that is built, wrappers such as ``ConcatDataset`` taken apart.

    Args:
        name (str): Of the dataset.
        dataset (Dataset): Any; what reads no images, or does not say which, gives no stream.

    Yields:
        Stream: With all samples, none of them read.
    """
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if inner != [None]:
        for index, part in enumerate(inner):
            yield from built_streams(f'{name}[{index}]' if len(inner) > 1 else name, part)
        return
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', None)
    if steps is None or not hasattr(dataset, 'get_data_info'):
        return
    items = [dataset.get_data_info(index) for index in range(len(dataset))]
    for step in steps:
        if isinstance(step, HideUnseenClasses):
            items = [step.transform(item) for item in items]
    if not items or any('img_path' not in item for item in items):
        return
    labeled = any(map(loads_masks, steps)) and all('seg_map_path' in item for item in items)
    classes = tuple(dataset.metainfo.get('classes') or ())
    samples = [Sample.from_item(item, labeled, len(classes) or None) for item in items]
    yield Stream(name, labeled=labeled, classes=classes, items=items, samples=samples)


def look_at_images(streams: Iterable[Stream]) -> list[Finding]:
    """Find what loading hides of images: orientations, bits and bands.

    Args:
        streams (Iterable[Stream]): A sample of their images is read.

    Returns:
        list[Finding]: One for each kind in each stream.
    """
    findings = []
    for stream in streams:
        samples, found = stream.spread(LOOK), defaultdict(list)
        for sample, traits in zip(samples, map_files(find_traits, samples, None), strict=True):
            for kind, detail in traits.items():
                found[kind].append(f"'{sample.image}' ({detail})")
        for kind, images in found.items():
            text = f'{len(images)} of {len(samples)} images, such as {images[0]}, {TRAITS[kind]}'
            findings.append(Finding(stream.name, kind, text))
    return findings


def warn_of_images(streams: Iterable[Stream]) -> None:
    """Log what :func:`look_at_images` finds.

    Args:
        streams (Iterable[Stream]): The images of a job.
    """
    for finding in look_at_images(streams):
        print_log(f'{finding.stream}: {finding.text}', 'current', logging.WARNING)


def look_at_labels(streams: Sequence[Stream]) -> list[Finding]:
    """Find labels from which nothing can be learned or measured.

    A sample of the masks is read, and if it shows one class only, all masks until there is another.

    Args:
        streams (Sequence[Stream]): Of a training, with those of its validation, or of a test.

    Returns:
        list[Finding]: As of :func:`check_labels`, about those streams of which all was read.

    Raises:
        UserError: If all masks of the training or of the test are void, or all those of the
            training show one class.
    """
    streams = [stream for stream in streams if stream.labeled and stream.classes]
    training = [stream for stream in streams if stream.is_training]
    testing = [stream for stream in streams if not stream.is_training]
    for group in (training, testing):
        for stream in group:
            samples = stream.spread(LOOK)
            _add(stream, samples, map_files(inspect_labels, samples, None))
        for stream in group:
            _read_on(stream, group)
    _refuse(training or testing, bool(training))
    return check_labels(streams)


def _read_on(stream: Stream, group: Sequence[Stream]) -> None:
    """Read the masks of a stream that are left, until those of its group show two classes."""
    known = set(stream.spread(LOOK))
    for sample in stream.spread(None):
        if len(_shown(group)) > 1:
            return
        if sample not in known:
            _add(stream, [sample], [inspect_labels(sample)])


def _add(stream: Stream, samples: Sequence[Sample], results: Iterable[Inspection]) -> None:
    for sample, result in zip(samples, results, strict=True):
        if not result.faults:  # what loads the mask reports them
            stream.add(result, sample)


def _shown(streams: Sequence[Stream]) -> list[str]:
    """Names of the classes that the masks show so far."""
    return sorted(
        {s.classes[n] for s in streams for n in np.flatnonzero(s.pixels[: len(s.classes)])}
    )


def _refuse(streams: Sequence[Stream], training: bool) -> None:
    shown = _shown(streams)
    if len(shown) > 1 or (shown and not training):
        return
    if not streams or not all(stream.is_complete for stream in streams):
        return
    number = sum(stream.inspected for stream in streams)
    what = f'show {shown[0]!r} only' if shown else f'hold nothing but void ({IGNORE})'
    end = 'nothing can be learned from them' if training else 'nothing can be measured by them'
    names = ', '.join(stream.name for stream in streams)
    hint = void_hint(streams) or '. Run les check CONFIG for the pixels of each class'
    raise UserError(f'the masks of {names} ({number} in all) {what}, so {end}{hint}')
