"""Checks every stream of a config before hours of training are spent on a fault in the data."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from ...core.file_walk import map_files
from ..files.splits import repeated_ids
from .inspection import TRAITS, Sample, inspect
from .label_findings import check_labels
from .streams import Finding, Stream, dataset_configs, loader_datasets, message_of, open_stream


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
    init_default_scope(cfg.get('default_scope', 'mmseg'))  # in which pipelines find transforms
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
    findings += check_labels(streams)
    findings += load_first_images(cfg, findings)
    return CheckReport(streams, findings)


def check_lists(streams: Sequence[Stream]) -> list[Finding]:
    """Find images listed twice in a stream, and images shared by streams that must not share any.

    Training and evaluation must not share images, nor labeled and unlabeled parts; validation and
    test may.
    """
    findings = []
    for stream in streams:
        for path in repeated_ids([sample.image for sample in stream.samples]):
            findings.append(Finding(stream.name, 'duplicated id', f"'{path}' is listed twice"))
    for one, two in combinations(streams, 2):
        train = [one.is_training, two.is_training]
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
        for sample in stream.spread(max_images):
            users[sample].append(stream)
    samples, shapes = list(users), {}
    findings = []
    for sample, result in zip(samples, map_files(inspect, samples, 'images', workers), strict=True):
        shapes[sample] = result.shape
        for stream in users[sample]:
            stream.add(result, sample)
            findings += [Finding(stream.name, kind, text) for kind, text in result.faults]
    for stream in streams:
        for kind, images in stream.traits.items():
            text = f'{len(images)} images, such as {images[0]}, {TRAITS[kind]}'
            findings.append(Finding(stream.name, kind, text))
        findings += _read_more(stream, shapes, workers)
    return findings


def _read_more(
    stream: Stream, shapes: Mapping[Sample, tuple[int, int] | None], workers: int | None
) -> Iterator[Finding]:
    """Read what the pipeline loads beside image and mask, such as proposals."""
    sound = {s: item for s, item in zip(stream.samples, stream.items, strict=True) if shapes.get(s)}
    for load in stream.loaders:

        def fault(sample: Sample, load=load) -> str | None:
            shape = shapes[sample]
            image = np.broadcast_to(np.uint8(0), (*shape, 3))  # type: ignore[misc]
            item = dict(sound[sample], img=image, img_shape=shape, ori_shape=shape, seg_fields=[])
            try:
                load(item)
            except Exception as error:  # transforms raise many types
                return message_of(error)
            return None

        kind = type(load).__name__
        for text in map_files(fault, list(sound), kind, workers):
            if text is not None:
                yield Finding(stream.name, kind, text)


def load_first_images(cfg: Mapping, findings: Sequence[Finding]) -> list[Finding]:
    """Build each dataset as training does, and load an image with its whole pipeline.

    Args:
        cfg (Mapping): The config.
        findings (Sequence[Finding]): Those so far; datasets that have any are left out.

    Returns:
        list[Finding]: What is raised.
    """
    faulty = {finding.stream.split('[')[0] for finding in findings}
    found = []
    for name, dataset_cfg in loader_datasets(cfg):
        if name not in faulty:
            try:
                dataset = DATASETS.build(dataset_cfg)
                dataset[0]
            except Exception as error:  # datasets and transforms raise many types
                found.append(Finding(name, 'pipeline', message_of(error)))
    return found
