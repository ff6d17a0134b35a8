"""Pictures of what a self-training model makes of its unlabeled stream."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.labels import IGNORE
from ..core.weights import load_checkpoint
from ..datasets import StreamDataLoader
from ..engine.trained_model import build_trained_model
from ..visualization import Lesson, make_self_training_panel, save_image
from .stream_pictures import as_photos, stream_loaders

Photos = Callable[[Tensor], np.ndarray]
Pictures = Iterator[tuple[Lesson, np.ndarray, list[Lesson]]]


@torch.no_grad()
def browse_self_training(
    cfg: Config, checkpoint: str, out: str | Path, number: int = 8
) -> list[Path]:
    """Draw pseudo labels, confidence, what is kept, and the images that the model learns from.

    Images are those of the first iterations of a training with this config and seed. The model is
    in evaluation mode, where batch norm uses its running statistics.

    Args:
        cfg (Config): Training config with a ``WeakToStrong`` or a ``MixedSelfTraining``.
        checkpoint (str): Of a training with this config.
        out (str | Path): Folder, in which the unlabeled stream gets one of its own.
        number (int): Number of images.

    Returns:
        list[Path]: The pictures.

    Raises:
        UserError: If the model is of another type, or the checkpoint does not fit.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    kind = MODELS.get(cfg.model.type)
    lessons = next((draw for name, draw in LESSONS.items() if hasattr(kind, name)), None)
    if lessons is None:
        raise UserError(
            f'{cfg.filename} has a model of type {cfg.model.type}, which makes no images of its '
            'own; browse it without a checkpoint, or give the config of a WeakToStrong or '
            'MixedSelfTraining'
        )
    model = build_trained_model(cfg.model, load_checkpoint(checkpoint), checkpoint)
    seed = (cfg.get('randomness') or {}).get('seed') or 0
    torch.manual_seed(seed)
    batches = StreamDataLoader(stream_loaders(cfg), seed)
    meta, written = batches.dataset.metainfo or {}, []
    stream, settings = model.streams[1], cfg.model.data_preprocessor
    photos = partial(as_photos, preprocessor=model.data_preprocessor, settings=settings)
    for data in batches:
        batch = model.preprocess(data)
        pairs = zip(lessons(model, photos, batch), batch[stream]['data_samples'], strict=True)
        for (first, confidence, others), sample in pairs:
            panel = make_self_training_panel(
                first, confidence, others, meta.get('classes'), meta.get('palette'),
                caption=Path(sample.metainfo.get('img_path', '')).name,
            )  # fmt: skip
            file = Path(out) / stream / f'{len(written):04d}.png'
            written.append(save_image(panel, file))
            if len(written) == number:
                return written
    return written


def _of_strong_views(model: nn.Module, photos: Photos, batches: dict[str, Any]) -> Pictures:
    """Of a ``WeakToStrong``: the weak view and the strong ones."""
    batch = batches['unlabeled']
    labels, confidence = _predict(model, batch['inputs'])
    valid = model.unlabeled_area(batch['data_samples'])
    strong, *targets = model.mixed_views(batch, labels, confidence, valid)
    made = []
    for images, y, c, area in zip(strong, *targets, strict=True):
        title = f'strong view {len(made) + 1}'
        made.append(_lessons(title, photos(images), y, area, c >= model.confidence_threshold))
    kept = confidence >= model.confidence_threshold
    weak = _lessons('weak view', photos(batch['inputs']), labels, valid, kept)
    yield from zip(weak, confidence.cpu().numpy(), map(list, zip(*made, strict=True)), strict=True)


def _of_mixed_images(model: nn.Module, photos: Photos, batches: dict[str, Any]) -> Pictures:
    """Of a ``MixedSelfTraining``: the target, the mixed and, with MIC, the masked image."""
    source, target = batches['source'], batches['target']
    labels, confidence = _predict(model, target['inputs'])
    valid = model.unlabeled_area(target['data_samples'])
    y_u, q = model.pseudo_labels(target)
    kinds = {'mixed image': model.mixed_images}
    if model.mask_ratio:
        kinds['masked image'] = model.masked_images
    made = []
    for title, make in kinds.items():
        images, y, weights = make(source, target, y_u, q)
        lessons = _lessons(title, photos(images), y, y != IGNORE, weights > 0)
        weighted = [f'{title}, weight {float(weight.max()):.2f}' for weight in q]
        made.append([lesson._replace(title=t) for lesson, t in zip(lessons, weighted, strict=True)])
    kept = confidence >= model.confidence_threshold
    first = _lessons('target', photos(target['inputs']), labels, valid, kept)
    yield from zip(first, confidence.cpu().numpy(), map(list, zip(*made, strict=True)), strict=True)


LESSONS = {'mixed_views': _of_strong_views, 'mixed_images': _of_mixed_images}
"""How to draw for a model with a method of this name."""


def _predict(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Pseudo labels and their confidence, both (N, H, W)."""
    network = model if model.teacher is None else model.teacher.network
    scores = model.upsample(network.logits(network.extract_feat(images)), images)
    confidence, labels = scores.softmax(dim=1).max(dim=1)
    return labels, confidence


def _lessons(
    title: str, images: np.ndarray, labels: Tensor, valid: Tensor, kept: Tensor
) -> list[Lesson]:
    shown = labels.masked_fill(~valid, IGNORE).cpu().numpy()
    learned = (valid & kept).cpu().numpy()
    return [Lesson(title, *parts) for parts in zip(images, shown, learned, strict=True)]
