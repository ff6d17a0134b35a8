"""Writes pseudo masks from CAMs that a trained AffinityNet refines, and says how good they are."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import all_reduce, is_main_process
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from torch import Tensor, nn

from ..core.atomic import write_atomically
from ..core.errors import MissingFileError, UserError
from ..datasets.files.class_maps import ClassMaps, read_class_maps
from ..datasets.files.image_ids import image_ids
from ..datasets.files.masks import apply_lookup, label_lookup
from ..datasets.files.pseudo_masks import write_label
from ..datasets.files.splits import more
from ..datasets.partially_labeled import find_missing
from ..engine.cam_refinement import check_affinity_net, pseudo_mask, refine_cams
from ..evaluation import label_areas, mean_iou
from ..ops import with_background
from ..visualization import CAMRow, make_cam_panel, save_image
from .fingerprint import checkpoint_digest, claim_folder, digest, read_run
from .image_loop import OriginalFiles, build_test_images, has_masks, load_model, process_images
from .image_scoring import reproducible

FOLDERS = ('walks', 'pseudo_masks')


class PseudoMasks:
    """Writes the pseudo masks of images: CAMs after a random walk along affinities, and a CRF.

    Files in the folder::

        pseudo_masks/<id>.png  class indices at the size of the image files: the masks of a
                                dataset with this ``data_prefix.seg_map_path`` and the
                                ``seg_map_suffix`` '.png'; 255 for neutral pixels
        walks/<id>.png          likewise after the walk alone, without neutral pixels
        pseudo_masks.json      settings and metrics; absent until all else is complete
        panels/*.png            some of the images
        fingerprint.json, log/

    A run on a folder that an interrupted one left makes the missing files only.

    Args:
        cfg (Config): From :func:`load_config`, with an ``AffinityNet``, whose arguments are also
            those of the walk. Images are those of ``test_dataloader``, with or without masks.
        checkpoint (str): Of the AffinityNet.
        cams (str | Path): Folder of the images' CAMs, ``<out>/cams`` of :class:`CAMInference`.
        out_dir (str | Path): Folder to write to.
        alpha (float): Power of the background.
        crf (bool): Whether a CRF follows the walk.
        min_confidence (float): Share of all scores below which the best class of a pixel does not
            count: it becomes neutral, and no part of the metrics. The paper has no such pixels.

    Raises:
        ValueError: If ``min_confidence`` is not in [0, 1).

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: str,
        cams: str | Path,
        out_dir: str | Path,
        *,
        alpha: float = 16,
        crf: bool = True,
        min_confidence: float = 0,
    ) -> None:
        if not 0 <= min_confidence < 1:
            raise UserError(f'min_confidence must be in [0, 1), but is {min_confidence}')
        self.cfg = copy.deepcopy(cfg)
        self.checkpoint = str(Path(checkpoint).expanduser())
        self.cams, self.out_dir = Path(cams), Path(out_dir)
        self.alpha, self.crf, self.min_confidence = alpha, crf, min_confidence

    def run(self) -> None:
        """Write what is missing, on all processes of the launch, and the metrics.

        Raises:
            FileNotFoundError: If the checkpoint does not exist, or images have no CAMs.
            ValueError: If config, checkpoint, images, CAMs and folder do not fit each other.
        """
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        dataset = build_test_images(self.cfg)
        ids = image_ids(dataset)
        self._cam_run = read_run(self.cams, 'make_cams.py')
        if lost := find_missing(str(self.cams), [f'{name}.npz' for name in ids]):
            raise MissingFileError(
                f"'{self.cams}' has no '{lost[0]}'{more(lost)}; run tools/make_cams.py with the "
                'images of this config, and to its end'
            )
        settings = [self.alpha, self.crf, self.min_confidence]
        fingerprint = dict(
            checkpoint=checkpoint_digest(self.checkpoint),
            CAMs=self._cam_run,
            config=digest([self.cfg.model, self.cfg.test_dataloader.dataset, settings]),
        )
        model = check_affinity_net(load_model(self.cfg, self.checkpoint, self.out_dir / 'log'))
        claim_folder(self.out_dir, fingerprint, 'pseudo masks')
        (self.out_dir / 'pseudo_masks.json').unlink(missing_ok=True)
        with reproducible():
            self._write_masks(model, dataset, ids)
            metrics = self._evaluate(dataset, ids)
            if is_main_process():
                self._write_panels(model, dataset, ids)
                self._write_summary(model, metrics, fingerprint)

    def _path(self, folder: str, name: str) -> Path:
        return self.out_dir / folder / f'{name}.png'

    def _read_cams(self, name: str) -> ClassMaps:
        return read_class_maps(self.cams / f'{name}.npz', self._cam_run)

    def _refine(self, model: nn.Module, name: str, image: np.ndarray) -> tuple[Tensor, Tensor]:
        """Scores after the walk, and after the CRF if there is one."""
        cams = self._read_cams(name).maps['cam']
        crf = dict() if self.crf else None
        try:
            return refine_cams(model, image, cams, self.alpha, crf)
        except ValueError as error:
            raise UserError(f"image '{name}': {error}") from error

    def _write_masks(self, model: nn.Module, dataset: BaseSegDataset, ids: Sequence[str]) -> None:
        missing = set()
        for folder in FOLDERS:
            missing |= set(find_missing(str(self.out_dir / folder), [f'{x}.png' for x in ids]))
        done = [name for name in ids if f'{name}.png' not in missing]

        def work(name: str, batch: dict) -> None:
            classes, image = self._read_cams(name).classes, batch['image'][0]
            walked, refined = self._refine(model, name, image)
            masks = pseudo_mask(walked, classes), pseudo_mask(refined, classes, self.min_confidence)
            for folder, mask in zip(FOLDERS, masks, strict=True):
                write_label(self._path(folder, name), mask, mask.shape, dataset.metainfo)

        workers = self.cfg.test_dataloader.get('num_workers', 0)
        files = OriginalFiles(dataset)
        process_images(files, ids, work, 'pseudo masks', done=done, num_workers=workers)

    def _evaluate(self, dataset: BaseSegDataset, ids: Sequence[str]) -> dict[str, float]:
        """Metrics of the written files; every process counts its share."""
        num_classes = len(dataset.metainfo['classes'])
        pixels = torch.zeros(2, dtype=torch.int64)  # all, and neutral ones
        areas = torch.zeros(3, 2, num_classes, dtype=torch.int64)  # pseudo mask, CAM, walk

        def work(name: str, batch: dict) -> None:
            walked, mask = (self._read_mask(dataset, folder, name) for folder in FOLDERS)
            pixels.add_(torch.tensor([mask.size, (mask == 255).sum()]))
            if 'mask' not in batch:
                return
            classes, maps, _ = self._read_cams(name)
            scores = with_background(torch.from_numpy(maps['cam'])[None], self.alpha)
            masks = mask, pseudo_mask(scores[0], classes), walked
            for area, found in zip(areas, masks, strict=True):
                truth = np.where(found == 255, 255, batch['mask'][0])
                area += torch.from_numpy(label_areas(found, truth, num_classes))

        process_images(OriginalFiles(dataset, photos=False), ids, work, 'mIoU of pseudo masks')
        all_reduce(pixels)
        all_reduce(areas)
        metrics = dict(neutral=100 * pixels[1] / pixels[0])
        if has_masks(dataset):
            names = ('mIoU', 'mIoU_cam', 'mIoU_walk')
            metrics = dict(zip(names, map(mean_iou, areas.numpy()), strict=True)) | metrics
        return {name: round(float(value), 2) for name, value in metrics.items()}

    def _read_mask(self, dataset: BaseSegDataset, folder: str, name: str) -> np.ndarray:
        """Class indices of a written mask."""
        mask = mmcv.imread(str(self._path(folder, name)), flag='unchanged', backend='pillow')
        meta = dataset.metainfo
        lookup = label_lookup(meta.get('reduce_zero_label', False), meta.get('label_map'))
        return apply_lookup(mask, lookup)

    def _write_panels(self, model: nn.Module, dataset: BaseSegDataset, ids: Sequence[str]) -> None:
        """Images at equal distances in the list, four in a panel."""
        files, meta = OriginalFiles(dataset), dataset.metainfo
        chosen = np.unique(np.linspace(0, len(ids) - 1, 8, dtype=int))
        for number, indices in enumerate(np.split(chosen, range(4, len(chosen), 4)), 1):
            rows = []
            for index in indices:
                name, item = ids[index], files[index]
                classes, maps, _ = self._read_cams(name)
                walked, _ = self._refine(model, name, item['image'])
                mask = self._read_mask(dataset, 'pseudo_masks', name)
                rows.append(
                    CAMRow(
                        name, item['image'], maps['cam'], classes.tolist(),
                        walked[1:].cpu().numpy(), mask, item.get('mask'),
                    )
                )  # fmt: skip
            panel = make_cam_panel(rows, meta['classes'], meta['palette'])
            save_image(panel, self.out_dir / 'panels' / f'pseudo_masks_{number}.png')

    def _write_summary(
        self, model: nn.Module, metrics: dict[str, float], fingerprint: dict[str, str]
    ) -> None:
        print_log(f'{metrics}', 'current')
        summary = metrics | dict(
            alpha=self.alpha,
            crf=self.crf,
            min_confidence=self.min_confidence,
            **{key: getattr(model, key) for key in ('beta', 'steps', 'border')},
            checkpoint=self.checkpoint,
            checkpoint_sha256=fingerprint['checkpoint'],
            cams=str(self.cams),
            cams_run=fingerprint['CAMs'],
            config_sha256=fingerprint['config'],
        )
        write_atomically(self.out_dir / 'pseudo_masks.json', json.dumps(summary, indent=2) + '\n')
