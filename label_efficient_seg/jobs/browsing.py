"""Pictures of what each training stream of a config feeds to the model."""

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from ..core.errors import UserError
from ..core.labels import IGNORE
from ..core.suggest import did_you_mean
from ..datasets import StreamDataLoader
from ..visualization.output import save_image
from ..visualization.stream_panels import make_stream_panel
from .self_training_panels import browse_self_training
from .stream_pictures import as_photos, stream_loaders


def browse_streams(
    cfg: Config,
    out: str | Path,
    number: int = 8,
    streams: Sequence[str] | None = None,
    checkpoint: str = '',
) -> list[Path]:
    """Draw the first images of each training stream, as the model gets them.

    They are those of the first iterations of a training with this config and seed: augmented,
    cropped and padded.

    Args:
        cfg (Config): Training config. A single ``train_dataloader`` counts as the stream ``train``.
        out (str | Path): Folder, in which each stream gets one of its own.
        number (int): Images of each stream.
        streams (Sequence[str], optional): Names of the streams. Defaults to all.
        checkpoint (str): With one, only what the config's model learns from its unlabeled stream is
            drawn, see :func:`browse_self_training`.

    Returns:
        list[Path]: The pictures.

    Raises:
        ValueError: If there is nothing to train, or no such stream.
    """
    if checkpoint:
        return browse_self_training(cfg, checkpoint, out, number)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    loaders = stream_loaders(cfg)
    for name in streams or ():
        if name not in loaders:
            raise UserError(
                f'train_dataloader has no stream {name!r}; {did_you_mean(name, loaders)}'
            )
    settings = cfg.model.get('data_preprocessor') or dict(type='SegDataPreProcessor')
    preprocessor = MODELS.build(copy.deepcopy(settings))
    seed = (cfg.get('randomness') or {}).get('seed') or 0
    written = []
    for name, loader in loaders.items():
        if streams and name not in streams:
            continue
        batches = StreamDataLoader({name: loader}, seed)
        unlabeled = 'LoadValidMask' in str(loader['dataset'])
        panels = _panels(batches, name, preprocessor, settings, unlabeled)
        for index, panel in enumerate(itertools.islice(panels, number)):
            written.append(save_image(panel, Path(out) / name / f'{index:04d}.png'))
    return written


def _panels(
    batches: StreamDataLoader,
    name: str,
    preprocessor: nn.Module,
    settings: Mapping,
    unlabeled: bool,
) -> Iterator[np.ndarray]:
    metainfo = batches.dataset.metainfo or {}
    for data in batches:
        batch = preprocessor(data[name], True)
        images = as_photos(batch['inputs'], preprocessor, settings)
        views = [as_photos(view, preprocessor, settings) for view in batch.get('strong', ())]
        for index, (image, sample) in enumerate(zip(images, batch['data_samples'], strict=True)):
            boxes = [b[index].tolist() for b in batch.get('boxes', ())]
            yield make_stream_panel(
                image,
                views=list(zip([view[index] for view in views], boxes, strict=True)),
                classes=metainfo.get('classes'),
                palette=metainfo.get('palette'),
                **_labels(sample, unlabeled),
                caption=_caption(sample, metainfo),
            )


def _labels(sample: Any, unlabeled: bool) -> dict[str, np.ndarray]:
    if 'gt_sem_seg' not in sample:
        return {}
    labels = sample.gt_sem_seg.data[0].cpu().numpy()
    return dict(valid=labels != IGNORE) if unlabeled else dict(labels=labels)


def _caption(sample: Any, metainfo: Mapping) -> str:
    """The file, and the tags of an image that has them."""
    name = Path(sample.metainfo.get('img_path', '')).name
    if 'gt_label' not in sample:
        return name
    # The first class of a segmentation dataset, the background, is no tag.
    classes = (metainfo.get('classes') or ())[1:]
    labels = sample.gt_label.tolist()
    return f'{name}: {", ".join(classes[i] if i < len(classes) else str(i) for i in labels)}'
