"""Writes pictures of what a model predicts while it is validated or tested."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmengine
import numpy as np
import torch
from mmengine.dist import get_dist_info, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import nn

from ...core.errors import UserError
from ...core.labels import IGNORE
from ...datasets.files.images import read_image
from ...ops import entropy_map
from ...visualization import make_segmentation_panel, save_image


@HOOKS.register_module()
class PanelHook(Hook):
    """Write one PNG panel per chosen image of a validation or test run.

    A panel shows image | ground truth | prediction and, for models with a discriminator on class
    probabilities, D's confidence | the pixels it selects, for others the entropy. The former offer
    ``confidence(seg_logits)``, which maps scores of shape (N, C, H, W) to (N, 1, H, W) in [0, 1],
    and ``confidence_threshold``. Ground truth is left out where the data has none.

    Files are ``<out_dir>/<iteration>/<image name>.png`` in validation and
    ``<out_dir>/<image name>.png`` in tests. In distributed runs each process writes its own images.
    Drawing uses no random numbers and no gradients, so it does not change the training.

    Args:
        draw (bool): Whether to draw at all.
        interval (int): Draw every ``interval``-th image.
        num_images (int): In validation, draw at most so many images, over all processes.
        out_dir (str, optional): Folder of the panels. Defaults to ``<work_dir>/vis``, and to
            ``<work_dir>/vis/test`` in tests.
        tile_width (int): Width of a column in pixels.
        ignore_index (int): Label of pixels without ground truth.
        add_to_visualizer (bool): Also hand the panels to the runner's visualizer backends
            (TensorBoard and others; they take those of the main process only).
    """

    def __init__(
        self,
        draw: bool = False,
        interval: int = 1,
        num_images: int = 4,
        out_dir: str | None = None,
        tile_width: int = 240,
        ignore_index: int = IGNORE,
        add_to_visualizer: bool = False,
    ) -> None:
        if interval < 1 or num_images < 1:
            raise UserError(
                f'interval and num_images must be at least 1, but are {interval} and {num_images}; '
                'set draw=False to switch panels off'
            )
        self.draw = draw
        self.interval = interval
        self.num_images = num_images
        self.out_dir = out_dir
        self.tile_width = tile_width
        self.ignore_index = ignore_index
        self.add_to_visualizer = add_to_visualizer
        self._images_seen = 0
        self._names: dict[str, str] = {}

    def before_val_epoch(self, runner: Runner) -> None:
        """Start to count images from the first one."""
        self._reset()

    def before_test_epoch(self, runner: Runner) -> None:
        """Start to count images from the first one."""
        self._reset()

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[SegDataSample],
    ) -> None:
        """Draw those of the first ``num_images`` that are in this batch."""
        if self.draw:
            limit = self.num_images * self.interval
            self._draw_batch(runner, 'val', data_batch, outputs, limit)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[SegDataSample],
    ) -> None:
        """Draw every ``interval``-th image."""
        if self.draw:
            self._draw_batch(runner, 'test', data_batch, outputs, limit=None)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Say where the panels are."""
        if self.draw and is_main_process():
            runner.logger.info(f'panels are in {self._folder(runner, "val")}')

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Say where the panels are."""
        if self.draw and is_main_process():
            runner.logger.info(f'panels are in {self._folder(runner, "test")}')

    def _reset(self) -> None:
        self._images_seen = 0
        self._names = {}

    def _folder(self, runner: Runner, phase: str) -> Path:
        base = Path(self.out_dir) if self.out_dir else Path(runner.work_dir, 'vis')
        if phase == 'val':
            return base / str(runner.iter)
        return base if self.out_dir else base / 'test'

    def _draw_batch(
        self,
        runner: Runner,
        phase: str,
        data_batch: dict,
        outputs: Sequence[SegDataSample],
        limit: int | None,
    ) -> None:
        rank, world_size = get_dist_info()
        loader = runner.val_dataloader if phase == 'val' else runner.test_dataloader
        metainfo = getattr(loader.dataset, 'metainfo', {})
        folder = self._folder(runner, phase)
        for position, sample in enumerate(outputs):
            # mmengine's DefaultSampler deals images out to the processes in turn.
            index = self._images_seen * world_size + rank
            self._images_seen += 1
            if index % self.interval or (limit is not None and index >= limit):
                continue
            name = self._name(sample, index)
            image = _photo(sample, data_batch, position)
            panel = self._panel(runner.model, sample, image, metainfo, name)
            save_image(panel, folder / f'{name}.png')
            if self.add_to_visualizer:
                runner.visualizer.add_image(f'{phase}_{name}', panel, step=runner.iter)

    def _name(self, sample: SegDataSample, index: int) -> str:
        path = sample.metainfo.get('img_path') or f'{index:06d}'
        name = Path(path).stem
        # Images of the same name in different folders must not overwrite each other's panels.
        if self._names.setdefault(name, path) != path:
            name = f'{name}_{index:06d}'
        return name

    def _panel(
        self,
        model: nn.Module,
        sample: SegDataSample,
        image: np.ndarray | None,
        metainfo: dict[str, Any],
        name: str,
    ) -> np.ndarray:
        model = model.module if is_model_wrapper(model) else model
        confidence = _confidence(model, sample)
        return make_segmentation_panel(
            _mask(sample.pred_sem_seg),
            image,
            truth=_mask(sample.gt_sem_seg) if _has_truth(sample) else None,
            confidence=confidence,
            threshold=getattr(model, 'confidence_threshold', None),
            entropy=_entropy(sample) if confidence is None else None,
            classes=metainfo.get('classes'),
            palette=metainfo.get('palette'),
            ignore_index=self.ignore_index,
            caption=name,
            tile_width=self.tile_width,
        )


def _mask(pixels: Any) -> np.ndarray:
    """Class indices of a PixelData, shape (1, H, W), as an array of shape (H, W)."""
    return pixels.data.squeeze(0).cpu().numpy().astype(np.int64)


def _has_truth(sample: SegDataSample) -> bool:
    # Images from an unlabeled folder carry a mask of valid pixels in the place of ground truth,
    # and no mask file. Generated images may have ground truth without any file.
    return 'gt_sem_seg' in sample and bool(
        sample.metainfo.get('seg_map_path') or not sample.metainfo.get('img_path')
    )


@torch.no_grad()
def _confidence(model: nn.Module, sample: SegDataSample) -> np.ndarray | None:
    """D's confidence, shape (H, W), or None for models without such a discriminator."""
    if not hasattr(model, 'confidence') or 'seg_logits' not in sample:
        return None
    # Scores may be half precision when the loop runs under autocast.
    confidence = model.confidence(sample.seg_logits.data[None].float())
    return confidence[0, 0].float().cpu().numpy()


def _entropy(sample: SegDataSample) -> np.ndarray | None:
    """Entropy of the scores, shape (H, W), or None without scores of two or more classes."""
    if 'seg_logits' not in sample or len(sample.seg_logits.data) < 2:
        return None
    return entropy_map(sample.seg_logits.data[None])[0].cpu().numpy()


def _photo(sample: SegDataSample, data_batch: dict, position: int) -> np.ndarray | None:
    """The RGB image: from its file or, for generated data, from the batch; None if in neither."""
    path = sample.metainfo.get('img_path')
    if path and mmengine.exists(path):
        return read_image(path, channel_order='rgb')
    inputs = data_batch['inputs'][position] if data_batch else None
    if isinstance(inputs, torch.Tensor) and inputs.dtype == torch.uint8 and len(inputs) == 3:
        # mmcv loads images as BGR and the loader delivers them before any normalisation.
        return np.ascontiguousarray(inputs.permute(1, 2, 0).cpu().numpy()[..., ::-1])
    return None
