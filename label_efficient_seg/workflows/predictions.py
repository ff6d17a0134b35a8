"""The same validation images, predicted by several runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS, MODELS

from ..core.digests import digest
from ..core.weights import check_finite, load_checkpoint
from ..visualization import Tile, class_legend, colorize, make_grid, make_panel
from .results import without_pipelines


class Predictions(NamedTuple):
    """Predictions of one run.

    Attributes:
        images (str): Stands for the dataset, apart from its pipeline.
        dataset (BaseSegDataset): Its first items have been predicted.
        masks (list[np.ndarray]): Class indices, each of shape (H, W).
    """

    images: str
    dataset: BaseSegDataset
    masks: list[np.ndarray]


@torch.no_grad()
def predict(config: Path, checkpoint: Path, number: int) -> Predictions | None:
    """Predict the first images of a config's validation set.

    Args:
        config (Path): Complete config.
        checkpoint (Path): Its checkpoint.
        number (int): Of images.

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
    model = MODELS.build(cfg.model)
    weights = load_checkpoint(checkpoint)['state_dict']
    check_finite(weights, checkpoint)
    model.load_state_dict(weights)
    model.eval()
    masks = []
    for index in range(min(number, len(dataset))):
        item = dataset[index]
        batch = dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
        result = model.test_step(batch)[0]
        if 'pred_sem_seg' not in result:
            return None
        masks.append(result.pred_sem_seg.data[0].numpy())
    images = digest(without_pipelines(cfg.val_dataloader.dataset.to_dict()))
    return Predictions(images, dataset, masks)


def draw_predictions(
    dataset: BaseSegDataset, predictions: Mapping[str, Sequence[np.ndarray]]
) -> np.ndarray:
    """Image, ground truth and the prediction of each run, one row per image.

    Args:
        dataset (BaseSegDataset): Its first items have been predicted.
        predictions (Mapping[str, Sequence[np.ndarray]]): Class indices, (H, W), by name of the run.

    Returns:
        np.ndarray: RGB image, (H, W, 3), uint8.
    """
    classes, palette = dataset.metainfo['classes'], dataset.metainfo['palette']
    rows = []
    for index, masks in enumerate(zip(*predictions.values(), strict=True)):
        item = dataset[index]
        image = item['inputs'].numpy().transpose(1, 2, 0)[..., ::-1]
        truth = item['data_samples'].gt_sem_seg.data[0].numpy()
        named = dict(zip(['ground truth', *predictions], [truth, *masks], strict=True))
        tiles = [Tile('image', np.ascontiguousarray(image))]
        tiles += [Tile(t, colorize(m, palette), smooth=False) for t, m in named.items()]
        rows.append(make_panel(tiles, class_legend(named.values(), classes, palette)))
    return make_grid(rows)
