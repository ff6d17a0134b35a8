"""Checks every stream of a config before hours of training are spent on a fault in the data."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from mmengine.config import Config
from mmseg.registry import DATASETS

from ...core.file_walk import map_files
from ..files.splits import repeated_ids
from ..partially_labeled import PartiallyLabeledMixin
from ..transforms import loads_masks
from .inspection import Inspection, Sample, inspect


@dataclass(frozen=True)
class Finding:
    """One fault."""

    stream: str
    kind: str
    text: str


@dataclass
class Stream:
    """One dataset of a config.

    Attributes:
        name (str): Such as ``'train.labeled'`` or ``'val'``.
        labeled (bool): Whether its pipeline reads masks.
        classes (tuple[str, ...]): Names of its classes; empty if it declares none.
        samples (list[Sample]): What it reads.
        inspected (int): Samples whose files were read.
        pixels (np.ndarray): Pixels of each label, shape (256,); 255 is void.
        images (np.ndarray): Images in which each label occurs, shape (256,).
        stray (Counter): Pixels of each mask value outside the classes.
    """

    name: str
    labeled: bool = False
    classes: tuple[str, ...] = ()
    samples: list[Sample] = field(default_factory=list)
    inspected: int = 0
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    images: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    stray: Counter = field(default_factory=Counter)


@dataclass
class CheckReport:
    """Result of :func:`check_config`."""

    streams: list[Stream]
    findings: list[Finding]


def check_config(
    cfg: Config, workers: int | None = None, max_images: int | None = None
) -> CheckReport:
    """Check all datasets of a config and read their files.

    Args:
        cfg (Config): A complete config; nothing of it but the datasets is built.
        workers (int, optional): Threads that read files.
        max_images (int, optional): Read at most this many images of each stream, evenly spaced;
            lists are checked in full.

    Returns:
        CheckReport: Streams with their statistics, and every fault found.
    """
    streams, findings = [], []
    for name, dataset_cfg in dataset_configs(cfg):
        stream, faults = open_stream(name, dataset_cfg)
        streams.append(stream)
        findings += faults
    if not streams:
        findings.append(Finding('config', 'no dataset', 'the config has no dataloader'))
    findings += check_lists(streams)
    findings += check_classes(cfg, streams)
    findings += read_files(streams, workers, max_images)
    return CheckReport(streams, findings)


def dataset_configs(cfg: Mapping) -> Iterator[tuple[str, Mapping]]:
    """Names and configs of all datasets, wrappers such as ``ConcatDataset`` taken apart."""
    for stage in ('train', 'val', 'test'):
        loader = cfg.get(f'{stage}_dataloader')
        if not loader:
            continue
        # One dataloader, or one per stream.
        loaders = (
            {stage: loader}
            if 'dataset' in loader
            else {f'{stage}.{name}': value for name, value in loader.items()}
        )
        for name, value in loaders.items():
            if isinstance(value, Mapping) and 'dataset' in value:
                yield from _unwrap(name, value['dataset'])


def _unwrap(name: str, dataset: Mapping) -> Iterator[tuple[str, Mapping]]:
    inner = dataset.get('datasets') or ([dataset['dataset']] if 'dataset' in dataset else None)
    if inner is None:
        yield name, dataset
    else:
        for i, entry in enumerate(inner):
            yield from _unwrap(f'{name}[{i}]' if len(inner) > 1 else name, entry)


def open_stream(name: str, dataset_cfg: Mapping) -> tuple[Stream, list[Finding]]:
    """Build a dataset without its pipeline and list what it reads.

    Args:
        name (str): Name of the stream.
        dataset_cfg (Mapping): Config of the dataset.

    Returns:
        tuple[Stream, list[Finding]]: The stream, without samples if it could not be built.
    """
    steps = flatten(dataset_cfg.get('pipeline', []))
    stream = Stream(name, labeled=any(loads_masks(step) for step in steps))
    try:
        dataset = _build(dataset_cfg)
        stream.classes = tuple(dataset.metainfo.get('classes') or ())
        items = [dataset.get_data_info(i) for i in range(len(dataset))]
        faults = _check_pipeline(stream, items)
        count = len(stream.classes) or None
        stream.samples = [Sample.from_item(item, stream.labeled, count) for item in items]
    except Exception as error:  # whatever is wrong with one dataset, the others are checked
        return stream, [Finding(name, 'dataset', f'{type(error).__name__}: {error}')]
    if not items:
        faults.append(Finding(name, 'empty split', f'no image in {_source(dataset)}'))
    return stream, faults


def _check_pipeline(stream: Stream, items: Sequence[Mapping]) -> list[Finding]:
    """Find pipelines that do not fit the dataset; ``stream.labeled`` is corrected."""
    if stream.labeled and items and 'seg_map_path' not in items[0]:
        stream.labeled = False
        text = 'the pipeline loads masks of an unlabeled dataset: use LoadValidMask instead'
    elif stream.name.endswith('.labeled') and not stream.labeled:
        text = 'no transform of the pipeline loads masks: use LoadCheckedAnnotations'
    else:
        return []
    return [Finding(stream.name, 'pipeline', text)]


def flatten(pipeline: Any) -> Iterator[Mapping]:
    """All transforms of a pipeline config, those nested in others included."""
    if isinstance(pipeline, Mapping):
        yield pipeline
        pipeline = [v for v in pipeline.values() if isinstance(v, Mapping | list | tuple)]
    if isinstance(pipeline, list | tuple):
        for entry in pipeline:
            yield from flatten(entry)


def _build(dataset_cfg: Mapping) -> Any:
    # An empty dataset cannot be serialised.
    cfg = dict(dataset_cfg, pipeline=[], serialize_data=False)
    kind = cfg['type'] if isinstance(cfg['type'], type) else DATASETS.get(cfg['type'])
    if kind is not None and issubclass(kind, PartiallyLabeledMixin):
        cfg['strict'] = False  # every fault is reported here, not only the first
    return DATASETS.build(cfg)


def _source(dataset: Any) -> str:
    return f"'{getattr(dataset, 'ann_file', '') or getattr(dataset, 'data_prefix', '')}'"


def check_lists(streams: Sequence[Stream]) -> list[Finding]:
    """Find images listed twice in a stream, and images shared by streams that must not share any.

    Training and evaluation must not share images, nor labeled and unlabeled parts; validation and
    test may.
    """
    findings = []
    for stream in streams:
        for path in repeated_ids(sample.image for sample in stream.samples):
            findings.append(Finding(stream.name, 'duplicated id', f"'{path}' is listed twice"))
    for one, two in combinations(streams, 2):
        train = [s.name.split('.')[0].split('[')[0] == 'train' for s in (one, two)]
        if not any(train) or (all(train) and one.labeled == two.labeled):
            continue
        paths = {os.path.abspath(sample.image) for sample in two.samples}
        shared = [s.image for s in one.samples if os.path.abspath(s.image) in paths]
        if shared:
            text = f"shares {len(shared)} images with {two.name}, such as '{shared[0]}'"
            findings.append(Finding(one.name, 'overlapping splits', text))
    return findings


def check_classes(cfg: Mapping, streams: Sequence[Stream]) -> list[Finding]:
    """Compare the classes of the streams with each other and with the model's numbers."""
    findings = []
    declared = [stream for stream in streams if stream.classes]
    for stream in declared[1:]:
        if stream.classes != declared[0].classes:
            text = f'its {len(stream.classes)} classes are not those of {declared[0].name}'
            findings.append(Finding(stream.name, 'class count', text))
    if not declared:
        return findings
    count = len(declared[0].classes)
    for name, number in model_class_counts(cfg.get('model') or {}):
        if number != count:
            text = f'is {number}, but the dataset of {declared[0].name} has {count} classes'
            findings.append(Finding(f'model.{name}', 'class count', text))
    return findings


def model_class_counts(model: Mapping) -> Iterator[tuple[str, int]]:
    """Every number of a model config that must be the number of classes, with its key."""
    for key in ('decode_head', 'auxiliary_head'):
        heads = model.get(key) or []
        single = isinstance(heads, Mapping)
        for i, head in enumerate([heads] if single else heads):
            if 'num_classes' in head:
                yield f'{key if single else f"{key}[{i}]"}.num_classes', head['num_classes']
    discriminator = model.get('discriminator') or {}
    network = discriminator.get('network', discriminator)
    if 'in_channels' in network:
        path = 'discriminator.network' if 'network' in discriminator else 'discriminator'
        yield f'{path}.in_channels', network['in_channels']


def read_files(
    streams: Sequence[Stream], workers: int | None = None, max_images: int | None = None
) -> list[Finding]:
    """Read the files of all streams, each file once, and fill in the statistics of the streams."""
    users = defaultdict(list)
    for stream in streams:
        for sample in _spread(dict.fromkeys(stream.samples), max_images):
            users[sample].append(stream)
    samples = list(users)
    findings = []
    for sample, result in zip(samples, map_files(inspect, samples, 'images', workers), strict=True):
        for stream in users[sample]:
            _add(stream, result)
            findings += [Finding(stream.name, kind, text) for kind, text in result.faults]
    return findings


def _spread(samples: Sequence[Sample] | dict, limit: int | None) -> list[Sample]:
    samples = list(samples)
    if limit is None or len(samples) <= limit:
        return samples
    return [samples[i] for i in np.linspace(0, len(samples) - 1, limit).astype(int)]


def _add(stream: Stream, result: Inspection) -> None:
    stream.inspected += 1
    if result.counts is not None:
        stream.pixels += result.counts
        stream.images += result.counts > 0
        stream.stray.update(result.stray)
