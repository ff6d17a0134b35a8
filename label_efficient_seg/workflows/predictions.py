"""The same validation images, predicted by several runs."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS, MODELS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from ..core.atomic import write_atomically
from ..core.digests import digest
from ..core.progress import track
from ..core.weights import check_finite, load_checkpoint
from ..datasets.files.masks import read_index_mask
from ..evaluation import label_areas, mean_iou
from ..visualization import Tile, class_legend, colorize, make_panel
from .results import without_pipelines


class Predictions(NamedTuple):
    """Predictions of one run.

    Attributes:
        images (str): Stands for the dataset, apart from its pipeline.
        dataset (BaseSegDataset): The validation set.
        masks (dict[int, Path]): PNG files of class indices, by the image's index in the dataset.
    """

    images: str
    dataset: BaseSegDataset
    masks: dict[int, Path]

    def mask(self, index: int) -> np.ndarray:
        """Class indices of one image, uint8, shape (H, W)."""
        return read_index_mask(self.masks[index], f"prediction '{self.masks[index]}'")


def predict(config: Path, checkpoint: Path, number: int) -> Predictions | None:
    """Predict evenly spaced images of a config's validation set.

    The predictions stay in the folder ``predictions`` beside the checkpoint. What is there already
    and not older than the checkpoint is not predicted again.

    Args:
        config (Path): Complete config.
        checkpoint (Path): Its checkpoint.
        number (int): Most images.

    Returns:
        Predictions | None: None if there is no validation set, or the model predicts no masks, as
        a classifier.

    Raises:
        NotFiniteError: If a weight is NaN or infinite.
    """
    cfg = Config.fromfile(config)
    if not cfg.get('val_dataloader'):
        return None
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    folder = checkpoint.parent / 'predictions'
    masks = {index: folder / f'{_name(dataset, index)}.png' for index in spread(dataset, number)}
    missing = [index for index, file in masks.items() if not _is_newer(file, checkpoint)]
    if missing and not _predict(_load(cfg, checkpoint), dataset, {i: masks[i] for i in missing}):
        return None
    images = digest(without_pipelines(cfg.val_dataloader.dataset.to_dict()))
    return Predictions(images, dataset, masks)


def spread(items: Sequence[Any] | BaseSegDataset, number: int) -> list[int]:
    """Indices of at most ``number`` items, evenly spaced, the first one among them."""
    return (
        [len(items) * i // number for i in range(number)]
        if number < len(items)
        else [*range(len(items))]
    )


def image_iou(prediction: np.ndarray, truth: np.ndarray, num_classes: int) -> float | None:
    """Mean IoU in one image over the classes of its ground truth, which all runs share.

    Args:
        prediction (np.ndarray): Class indices, shape (H, W).
        truth (np.ndarray): Class indices, 255 where a pixel does not count, shape (H, W).
        num_classes (int): Number of classes.

    Returns:
        float | None: In percent; None if no pixel of the ground truth counts.
    """
    areas = label_areas(prediction, truth, num_classes)
    present = np.isin(np.arange(num_classes), truth)
    return float(mean_iou(areas[:, present])) if present.any() else None


def ground_truth(dataset: BaseSegDataset, index: int) -> np.ndarray | None:
    """Class indices of an image's ground truth, shape (H, W); None without masks."""
    return _truth(dataset[index]['data_samples'])


def _truth(sample: SegDataSample) -> np.ndarray | None:
    return sample.gt_sem_seg.data[0].numpy() if 'gt_sem_seg' in sample else None


def draw_image(
    dataset: BaseSegDataset,
    index: int,
    masks: Mapping[str, np.ndarray],
    caption: str = '',
) -> np.ndarray:
    """An image, its ground truth if there is one, and predictions, side by side.

    Args:
        dataset (BaseSegDataset): Of the image.
        index (int): Of the image in it.
        masks (Mapping[str, np.ndarray]): Class indices, (H, W), by title.
        caption (str): Line above.

    Returns:
        np.ndarray: RGB image, (H, W, 3), uint8.
    """
    classes, palette = dataset.metainfo['classes'], dataset.metainfo['palette']
    item = dataset[index]
    image = item['inputs'].numpy().transpose(1, 2, 0)[..., ::-1]
    truth = _truth(item['data_samples'])
    named = {**({} if truth is None else {'ground truth': truth}), **masks}
    tiles = [Tile('image', np.ascontiguousarray(image))]
    tiles += [Tile(t, colorize(m, palette), smooth=False) for t, m in named.items()]
    return make_panel(tiles, class_legend(named.values(), classes, palette), caption)


def _load(cfg: Config, checkpoint: Path) -> nn.Module:
    model = MODELS.build(cfg.model)
    weights = load_checkpoint(checkpoint)['state_dict']
    check_finite(weights, checkpoint)
    model.load_state_dict(weights)
    return model.to(get_device()).eval()


@torch.no_grad()
def _predict(model: nn.Module, dataset: BaseSegDataset, files: Mapping[int, Path]) -> bool:
    """Write the predictions of images by index; False if the model predicts no masks."""
    palette = np.asarray(dataset.metainfo['palette'], np.uint8).tobytes()
    folder = next(iter(files.values())).parent.parent.name
    for index, file in track(files.items(), f'predictions of {folder}', len(files)):
        item = dataset[index]
        batch = dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
        result = model.test_step(batch)[0]
        if 'pred_sem_seg' not in result:
            return False
        image = Image.fromarray(result.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8))
        image.putpalette(palette)
        content = io.BytesIO()
        image.save(content, 'PNG')
        write_atomically(file, content.getvalue())
    return True


def _name(dataset: BaseSegDataset, index: int) -> str:
    """Index and name of an image: names alone may be equal in several folders."""
    return f'{index:05}_{image_name(dataset, index)}'


def image_name(dataset: BaseSegDataset, index: int) -> str:
    """Name of an image's file without its suffix."""
    return Path(dataset.get_data_info(index)['img_path']).stem


def _is_newer(file: Path, checkpoint: Path) -> bool:
    return file.is_file() and file.stat().st_mtime_ns >= checkpoint.stat().st_mtime_ns
