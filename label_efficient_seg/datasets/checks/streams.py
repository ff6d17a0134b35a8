"""The datasets of a config, opened as training opens them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mmseg.registry import DATASETS

from ...core.errors import UserError
from ..files.masks import label_lookup
from ..partially_labeled import PartiallyLabeledMixin
from ..transforms import (
    HideUnseenClasses,
    LoadAffinityScores,
    LoadImageTags,
    LoadProposals,
    loads_masks,
)
from .inspection import Inspection, Sample


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
        items (list[dict]): Its data items.
        samples (list[Sample]): What it reads of each item.
        loaders (list[Callable]): Transforms that read further files of an item.
        inspected (int): Samples whose files were read.
        pixels (np.ndarray): Pixels of each label, shape (256,); 255 is void.
        images (np.ndarray): Images in which each label occurs, shape (256,).
        stray (Counter): Pixels of each mask value outside the classes.
        traits (dict[str, list[str]]): What is odd about its images, by kind.
    """

    name: str
    labeled: bool = False
    classes: tuple[str, ...] = ()
    items: list[dict] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    loaders: list[Callable[[dict], dict]] = field(default_factory=list)
    inspected: int = 0
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    images: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    stray: Counter = field(default_factory=Counter)
    traits: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_training(self) -> bool:
        """bool: Whether a model learns from it."""
        return self.name.split('.')[0].split('[')[0] == 'train'

    @property
    def is_complete(self) -> bool:
        """bool: Whether all of its files were read."""
        return self.inspected == len(set(self.samples))

    @property
    def reachable(self) -> set[int]:
        """set[int]: Labels that its masks may show; hidden classes are none."""
        tables = {(s.reduce_zero_label, s.label_map, s.ignore_index) for s in self.samples}
        labels = {
            int(label)
            for reduce, label_map, ignore in tables
            for label in label_lookup(reduce, dict(label_map), ignore)
        }
        return labels & set(range(len(self.classes)))

    def spread(self, limit: int | None) -> list[Sample]:
        """Different samples at equal distances.

        Args:
            limit (int, optional): Most of them; None gives all.
        """
        samples = list(dict.fromkeys(self.samples))
        if limit is None or len(samples) <= limit:
            return samples
        return [samples[i] for i in np.linspace(0, len(samples) - 1, limit).astype(int)]

    def add(self, result: Inspection, sample: Sample) -> None:
        """Count what was found in the files of a sample."""
        self.inspected += 1
        for kind, detail in result.traits.items():
            self.traits.setdefault(kind, []).append(f"'{sample.image}' ({detail})")
        if result.counts is not None:
            self.pixels += result.counts
            self.images += result.counts > 0
            self.stray.update(result.stray)


def dataset_configs(cfg: Mapping) -> Iterator[tuple[str, Mapping]]:
    """Names and configs of all datasets, wrappers such as ``ConcatDataset`` taken apart."""
    for name, dataset in loader_datasets(cfg):
        yield from _unwrap(name, dataset)


def loader_datasets(cfg: Mapping) -> Iterator[tuple[str, Mapping]]:
    """Names and datasets of all dataloaders, as the config has them."""
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
                yield name, value['dataset']


def _unwrap(name: str, dataset: Mapping) -> Iterator[tuple[str, Mapping]]:
    inner = dataset.get('datasets') or ([dataset['dataset']] if 'dataset' in dataset else None)
    if inner is None:
        yield name, dataset
    else:
        for i, entry in enumerate(inner):
            yield from _unwrap(f'{name}[{i}]' if len(inner) > 1 else name, entry)


def open_stream(name: str, dataset_cfg: Mapping) -> tuple[Stream, list[Finding]]:
    """Build a dataset, without its pipeline where that does not fit, and list what it reads.

    Args:
        name (str): Name of the stream.
        dataset_cfg (Mapping): Config of the dataset.

    Returns:
        tuple[Stream, list[Finding]]: The stream, without samples if it could not be built.
    """
    steps = flatten(dataset_cfg.get('pipeline', []))
    stream, faults = Stream(name, labeled=any(loads_masks(step) for step in steps)), []
    try:
        dataset, fault = _build_leniently(dataset_cfg)
        if fault is not None:
            faults.append(Finding(name, 'pipeline', message_of(fault)))
        stream.classes = tuple(dataset.metainfo.get('classes') or ())
        stream.items = [dataset.get_data_info(i) for i in range(len(dataset))]
        faults += _check_pipeline(stream)
        if fault is None:
            _follow_pipeline(stream, dataset.pipeline.transforms)
        count = len(stream.classes) or None
        stream.samples = [Sample.from_item(i, stream.labeled, count) for i in stream.items]
    except Exception as error:  # whatever is wrong with one dataset, the others are checked
        return stream, [Finding(name, 'dataset', message_of(error))]
    if not stream.items:
        faults.append(Finding(name, 'empty split', f'no image in {_source(dataset)}'))
    return stream, faults


def message_of(error: Exception) -> str:
    """Text of an error; of one that is not meant for a person, with its type."""
    return str(error) if isinstance(error, UserError) else f'{type(error).__name__}: {error}'


def _build_leniently(dataset_cfg: Mapping) -> tuple[Any, Exception | None]:
    """A dataset that reports no fault of its list, and what is wrong with its pipeline."""
    # An empty dataset cannot be serialised.
    cfg = dict(dataset_cfg, serialize_data=False)
    kind = cfg['type'] if isinstance(cfg['type'], type) else DATASETS.get(cfg['type'])
    if kind is not None and issubclass(kind, PartiallyLabeledMixin):
        cfg['strict'] = False  # every fault is reported here, not only the first
    try:
        return DATASETS.build(cfg), None
    except Exception as error:  # transforms raise many types
        return DATASETS.build(dict(cfg, pipeline=[])), error


def _check_pipeline(stream: Stream) -> list[Finding]:
    """Find pipelines that do not fit the dataset; ``stream.labeled`` is corrected."""
    if stream.labeled and stream.items and 'seg_map_path' not in stream.items[0]:
        stream.labeled = False
        text = 'the pipeline loads masks of an unlabeled dataset: use LoadValidMask instead'
    elif stream.name.endswith('.labeled') and not stream.labeled:
        text = 'no transform of the pipeline loads masks: use LoadCheckedAnnotations'
    else:
        return []
    return [Finding(stream.name, 'pipeline', text)]


def _follow_pipeline(stream: Stream, transforms: Sequence[Any]) -> None:
    """Apply to the items what changes the meaning of masks, and find what reads further files."""
    for step in transforms:
        if isinstance(step, HideUnseenClasses):
            stream.items = [step.transform(item) for item in stream.items]
        elif isinstance(step, LoadAffinityScores):
            stream.loaders.append(step)
        elif isinstance(step, LoadProposals) and step.folder is not None:
            stream.loaders.append(step)
        elif isinstance(step, LoadImageTags) and not step.from_file:
            stream.loaders.append(step)


def flatten(pipeline: Any) -> Iterator[Mapping]:
    """All transforms of a pipeline config, those nested in others included."""
    if isinstance(pipeline, Mapping):
        yield pipeline
        pipeline = [v for v in pipeline.values() if isinstance(v, Mapping | list | tuple)]
    if isinstance(pipeline, list | tuple):
        for entry in pipeline:
            yield from flatten(entry)


def _source(dataset: Any) -> str:
    return f"'{getattr(dataset, 'ann_file', '') or getattr(dataset, 'data_prefix', '')}'"
