"""Predicts the images of a stream one by one without their labels, and remembers their scores."""

import copy
import json
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS
from torch import Tensor, nn

from ..core.atomic import open_own
from ..core.errors import UserError
from ..core.labels import IGNORE
from ..datasets.partially_labeled import PartiallyLabeledMixin
from ..datasets.transforms import loads_masks


class ImageScore(NamedTuple):
    """What is remembered of an image.

    Attributes:
        image (str): Its id, as in split lists.
        score (float): How uncertain the prediction is.
        classes (Sequence[int]): Indices of the classes that are predicted.
    """

    image: str
    score: float
    classes: Sequence[int]


def build_unlabeled(cfg: Config, stream: str) -> tuple[BaseSegDataset, dict]:
    """Build the dataset of a stream such that it reads images as in a test, and no masks.

    Args:
        cfg (Config): Complete config.
        stream (str): Name of the stream.

    Returns:
        tuple[BaseSegDataset, dict]: The dataset and its config. Samples have a mask of valid
        pixels, see ``LoadValidMask``.

    Raises:
        ValueError: If the config has no such stream or no test pipeline, or the dataset is not a
            single one of MMSeg's kind or does not say which classes it has.
    """
    streams = cfg.get('train_dataloader') or {}
    known = [k for k, v in streams.items() if isinstance(v, Mapping) and 'dataset' in v]
    if stream not in known:
        raise UserError(
            f'train_dataloader has no stream {stream!r}, only {", ".join(known) or "a single one"};'
            ' name one of them with --stream, or use a config with target images'
        )
    dataset_cfg = copy.deepcopy(dict(streams[stream].dataset))
    kind = dataset_cfg['type']
    kind = kind if isinstance(kind, type) else DATASETS.get(kind)
    if kind is None or not issubclass(kind, BaseSegDataset):
        raise UserError(
            f'train_dataloader.{stream}.dataset is a {dataset_cfg["type"]}, which is no '
            'BaseSegDataset; rank one plain dataset at a time'
        )
    pipeline = ((cfg.get('test_dataloader') or {}).get('dataset') or {}).get('pipeline')
    if not pipeline:
        raise UserError('the config needs test_dataloader.dataset.pipeline to prepare images')
    dataset_cfg['pipeline'] = _without_labels(pipeline)
    if issubclass(kind, PartiallyLabeledMixin):
        dataset_cfg['labeled'] = False
    dataset = DATASETS.build(dataset_cfg)
    if not dataset.metainfo.get('classes'):
        raise UserError(
            f'the dataset of train_dataloader.{stream} does not say which classes it has; set its '
            'metainfo=dict(classes=(...))'
        )
    # In training mode, another image would silently stand for one that the pipeline drops.
    dataset.test_mode = True
    return dataset, dataset_cfg


def _without_labels(pipeline: Sequence[Mapping]) -> list[dict]:
    kept = [copy.deepcopy(dict(transform)) for transform in pipeline if not loads_masks(transform)]
    # Right behind the image, since it has to follow what `Resize` and `Pad` do to it.
    return [kept[0], dict(type='LoadValidMask'), *kept[1:]]


@torch.no_grad()
def predict_logits(model: nn.Module, batch: dict[str, Any]) -> Tensor:
    """Class scores of one image at the size at which the network sees it.

    Args:
        model (nn.Module): An ``EncoderDecoder`` in evaluation mode. Its main head predicts, as a
            whole or in windows, as ``test_cfg`` says.
        batch (dict[str, Any]): One sample with a mask of valid pixels, collated.

    Returns:
        Tensor: Shape (1, C, H, W). What pipeline or data preprocessor padded is cut off.
    """
    batch = model.data_preprocessor(batch, False)
    sample = batch['data_samples'][0]
    logits = model.inference(batch['inputs'], [sample.metainfo])
    # What the data preprocessor adds, at the right and at the bottom, is beyond the mask.
    valid = sample.gt_sem_seg.data[0] != IGNORE
    rows, columns = valid.any(1).nonzero()[:, 0], valid.any(0).nonzero()[:, 0]
    return logits[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def predict_labels(logits: Tensor) -> np.ndarray:
    """Class indices, uint8, shape (H, W), of class scores of shape (1, C, H, W)."""
    return logits.argmax(1)[0].to(torch.uint8).cpu().numpy()


def read_scores(folder: Path) -> dict[str, ImageScore]:
    """Scores that this or earlier processes remembered; lines that are damaged are left out.

    Args:
        folder (Path): Folder of their files.

    Returns:
        dict[str, ImageScore]: By id.
    """
    results = {}
    for path in sorted(folder.glob('*.jsonl')):
        for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
            try:
                result = ImageScore(**json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue  # the process was killed while it wrote this line
            if _is_sound(result):
                results[result.image] = result
    return results


def _is_sound(result: ImageScore) -> bool:
    image, score, classes = result
    return (
        isinstance(image, str)
        and isinstance(score, Real)
        and abs(score) < math.inf  # which is false if it is not a number
        and isinstance(classes, list)
        and all(isinstance(label, int) for label in classes)
    )


def write_score(path: Path, score: ImageScore) -> None:
    """Remember a score, whatever happens to the process afterwards.

    Args:
        path (Path): File of this process; what is in it is kept.
        score (ImageScore): The score.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_own(path) as file:
        # The line that a killed process did not finish must not swallow this one.
        file.write('\n' + json.dumps(score._asdict()))
