"""Writes class scores refined by a CRF, from which labels of affinities are made."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import all_reduce, is_main_process
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from torch import Tensor

from ..core.atomic import write_atomically
from ..core.errors import MissingFileError, UserError
from ..datasets.files.class_maps import read_class_maps, write_class_maps
from ..datasets.files.image_ids import image_ids
from ..datasets.files.splits import more
from ..datasets.partially_labeled import find_missing
from ..evaluation import label_areas, mean_iou
from ..ops import confident_labels, dense_crf, with_background
from .fingerprint import claim_folder, digest, read_run
from .image_loop import OriginalFiles, build_test_images, has_masks, init_processes, process_images
from .image_scoring import reproducible


class AffinityScores:
    """Refines CAMs by a CRF with two powers of the background: AffinityNet's opinions on it.

    Files in the folder::

        scores/<id>.npz     maps ``low`` and ``high`` of :func:`read_class_maps`: probabilities of
                            the background and the present classes with a low and a high power
        scores.json         settings and metrics; absent until all else is complete
        fingerprint.json

    A run on a folder that an interrupted one left makes the missing files only.

    Args:
        cfg (Config): From :func:`load_config`. Images are those of ``test_dataloader``, with or
            without masks.
        cams (str | Path): Folder of their CAMs, ``<out>/cams`` of :class:`CAMInference`.
        out_dir (str | Path): Folder to write to.
        low_alpha (float): Power that overrates the background.
        high_alpha (float): Power that underrates it: 32 in the released code, 24 in the paper.

    Raises:
        ValueError: If the low power is not the lower one.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    def __init__(
        self,
        cfg: Config,
        cams: str | Path,
        out_dir: str | Path,
        *,
        low_alpha: float = 4,
        high_alpha: float = 32,
    ) -> None:
        if not 0 < low_alpha < high_alpha:
            raise UserError(
                f'the low alpha must be positive and below the high one, but they are {low_alpha} '
                f'and {high_alpha}'
            )
        self.cfg = copy.deepcopy(cfg)
        self.cams, self.out_dir = Path(cams), Path(out_dir)
        self.low_alpha, self.high_alpha = low_alpha, high_alpha

    def run(self) -> None:
        """Write what is missing, on all processes of the launch, and the metrics.

        Raises:
            FileNotFoundError: If images have no CAMs.
            ValueError: If images, CAMs and folder do not fit each other.
        """
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        dataset = build_test_images(self.cfg)
        ids = image_ids(dataset)
        cam_run = read_run(self.cams, 'make_cams.py')
        if lost := find_missing(str(self.cams), [f'{name}.npz' for name in ids]):
            raise MissingFileError(
                f"'{self.cams}' has no '{lost[0]}'{more(lost)}; run tools/make_cams.py with the "
                'images of this config, and to its end'
            )
        settings = [self.cfg.test_dataloader.dataset, self.low_alpha, self.high_alpha]
        fingerprint = dict(CAMs=cam_run, config=digest(settings))
        init_processes(self.cfg)
        run = claim_folder(self.out_dir, fingerprint, 'scores')
        (self.out_dir / 'scores.json').unlink(missing_ok=True)
        with reproducible():
            self._write_scores(dataset, ids, cam_run, run)
            metrics = self._evaluate(dataset, ids, run)
        if is_main_process():
            self._write_summary(metrics, fingerprint)

    def _path(self, name: str) -> Path:
        return self.out_dir / 'scores' / f'{name}.npz'

    def _write_scores(
        self, dataset: BaseSegDataset, ids: Sequence[str], cam_run: str, run: str
    ) -> None:
        missing = find_missing(str(self.out_dir / 'scores'), [f'{name}.npz' for name in ids])
        done = set(ids) - {name.removesuffix('.npz') for name in missing}

        def work(name: str, batch: dict) -> None:
            image, path = batch['image'][0], self.cams / f'{name}.npz'
            classes, maps, _ = read_class_maps(path, cam_run)
            if maps['cam'].shape[1:] != image.shape[:2]:
                raise UserError(
                    f"the CAMs '{path}' have the size {maps['cam'].shape[1:]}, but image '{name}' "
                    f'has {image.shape[:2]}'
                )
            cams = torch.from_numpy(maps['cam'])[None].to(get_device())
            photo = torch.from_numpy(image).permute(2, 0, 1)[None]
            low, high = (
                _refine(with_background(cams, alpha), photo)[0].cpu().numpy()
                for alpha in (self.low_alpha, self.high_alpha)
            )
            write_class_maps(self._path(name), [0, *classes], run=run, low=low, high=high)

        workers = self.cfg.test_dataloader.get('num_workers', 0)
        files = OriginalFiles(dataset)
        process_images(files, ids, work, 'CRF of CAMs', done=done, num_workers=workers)

    def _evaluate(self, dataset: BaseSegDataset, ids: Sequence[str], run: str) -> dict[str, float]:
        """Metrics of the written files; every process counts its share."""
        num_classes = len(dataset.metainfo['classes'])
        # Foreground, background and neutral pixels; confident ones with a label, and right ones.
        pixels = torch.zeros(5, dtype=torch.int64)
        areas = torch.zeros(2, 2, num_classes, dtype=torch.int64)  # low and high power

        def work(name: str, batch: dict) -> None:
            classes, maps, _ = read_class_maps(self._path(name), run)
            labels = _labels(classes, maps)
            counts = [(labels % 255 > 0).sum(), (labels == 0).sum(), (labels == 255).sum(), 0, 0]
            if 'mask' in batch:
                mask = batch['mask'][0]
                counted = (labels != 255) & (mask != 255)
                counts[3:] = counted.sum(), (counted & (labels == mask)).sum()
                for area, key in zip(areas, ('low', 'high'), strict=True):
                    prediction = classes[maps[key].argmax(0)]
                    area += torch.from_numpy(label_areas(prediction, mask, num_classes))
            pixels.add_(torch.tensor(counts))

        process_images(OriginalFiles(dataset, photos=False), ids, work, 'labels of affinities')
        all_reduce(pixels)
        all_reduce(areas)
        return _metrics(pixels.numpy(), areas.numpy() if has_masks(dataset) else None)

    def _write_summary(self, metrics: dict[str, float], fingerprint: dict[str, str]) -> None:
        print_log(f'{metrics}', 'current')
        summary = metrics | dict(
            low_alpha=self.low_alpha,
            high_alpha=self.high_alpha,
            cams=str(self.cams),
            cams_run=fingerprint['CAMs'],
            config_sha256=fingerprint['config'],
        )
        write_atomically(self.out_dir / 'scores.json', json.dumps(summary, indent=2) + '\n')


def _refine(scores: Tensor, photo: Tensor) -> Tensor:
    """Probabilities, shape (1, C, H, W)."""
    if scores.shape[1] == 1:  # an image without any class is background everywhere
        return torch.ones_like(scores)
    return dense_crf(scores.clamp(min=1e-5).log(), photo)


def _labels(classes: np.ndarray, maps: dict[str, np.ndarray]) -> np.ndarray:
    """Class indices where both opinions leave no doubt, 255 elsewhere."""
    low, high = (torch.from_numpy(maps[key])[None] for key in ('low', 'high'))
    index = confident_labels(low, high)[0].numpy()
    return np.where(index == 255, 255, classes[np.where(index == 255, 0, index)])


def _metrics(pixels: np.ndarray, areas: np.ndarray | None) -> dict[str, float]:
    """Shares, accuracy and mean IoU in percent."""
    shares = 100 * pixels[:3] / pixels[:3].sum()
    metrics = dict(zip(('foreground', 'background', 'neutral'), shares, strict=True))
    if areas is not None:
        accuracy = 100 * pixels[4] / max(pixels[3], 1)
        metrics = dict(accuracy=accuracy, **metrics)
        metrics |= dict(mIoU_low=mean_iou(areas[0]), mIoU_high=mean_iou(areas[1]))
    return {name: round(float(value), 2) for name, value in metrics.items()}
