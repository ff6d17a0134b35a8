"""Writes pseudo masks from CAMs that a trained AffinityNet refines, and says how good they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..core.digests import digest, file_digest
from ..core.errors import UserError
from ..core.labels import IGNORE
from ..datasets.files.class_maps import ClassMaps, read_class_maps
from ..datasets.files.masks import (
    apply_lookup,
    check_mask_layout,
    label_lookup,
    read_index_mask,
)
from ..datasets.files.pseudo_masks import write_label
from ..datasets.files.segments import find_segments, read_segments
from ..engine.cam_refinement import check_affinity_net, pseudo_mask, refine_cams
from ..evaluation import label_areas, mean_iou
from ..job_settings import PseudoMaskSettings
from ..ops import merge_segments, with_background
from ..visualization import CAMRow, make_cam_panel
from .base import ImageFileJob
from .cams import check_cams
from .image_loop import OriginalFiles


class PseudoMaskJob(ImageFileJob):
    """Makes masks of CAMs by a random walk along affinities and the image, step 4 of AffinityNet.

    See :class:`PseudoMaskSettings`.

    Files in the folder, besides those of every :class:`ImageFileJob`::

        pseudo_masks/<id>.png   class indices at the size of the image files: the masks of a
                                dataset with this ``data_prefix.seg_map_path`` and the
                                ``seg_map_suffix`` '.png'; 255 for neutral pixels
        walks/<id>.png          likewise after the walk alone, without neutral pixels

    The metrics are the mIoU of CAM, walk and pseudo masks, and the recall and precision of these:
    of the pixels that an object has, those with its class, and of the pixels that are labeled as an
    object, those that are right, in percent. Neutral pixels are no part of them; the paper has
    none.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """

    Settings = PseudoMaskSettings
    name, what, verb = 'pseudo_masks', 'pseudo masks', 'masks'
    outputs = dict(pseudo_masks='pseudo_masks')
    files = dict(pseudo_masks='.png', walks='.png')
    reads_photos = True
    title = 'Pseudo masks'

    @staticmethod
    def key_metrics(summary: Mapping[str, Any]) -> dict[str, float]:
        names = ['mIoU', 'mIoU_cam', 'mIoU_walk', 'recall', 'precision']
        names += ['neutral'] * bool(summary['min_confidence'])
        return {name: summary[name] for name in names if name in summary}

    @staticmethod
    def note(summary: Mapping[str, Any]) -> str:
        return 'without neutral pixels' * bool(summary['min_confidence'])

    def inputs(self) -> dict[str, str]:
        self.cam_run = check_cams(self.settings.cams, self.ids)
        found = dict(CAMs=self.cam_run)
        if self.settings.segments:
            self.segments = find_segments(self.settings.segments, self.ids)
            found['segments'] = digest(list(map(file_digest, self.segments.values())))
        return found

    def load_model(self) -> nn.Module:
        return check_affinity_net(super().load_model())

    def process(self, name: str, batch: dict) -> None:
        classes, image = self._read_cams(name).classes, batch['image'][0]
        walked, refined = self._refine(name, image)
        mask = pseudo_mask(refined, classes, self.settings.min_confidence)
        if self.settings.segments:
            mask = self._merge(mask, self.segments[name])
        masks = dict(walks=pseudo_mask(walked, classes), pseudo_masks=mask)
        for folder, mask in masks.items():
            write_label(self.path(name, folder), mask, mask.shape, self.dataset.metainfo)

    def _read_cams(self, name: str) -> ClassMaps:
        return read_class_maps(Path(self.settings.cams) / f'{name}.npz', self.cam_run)

    def _refine(self, name: str, image: np.ndarray) -> tuple[Tensor, Tensor]:
        """Scores after the walk, and after the refinement by the image."""
        cams = self._read_cams(name).maps['cam']
        try:
            settings = self.settings
            return refine_cams(self.model, image, cams, settings.alpha, settings.refinement)
        except ValueError as error:
            raise UserError(f"image '{name}': {error}") from error

    def _merge(self, mask: np.ndarray, file: Path) -> np.ndarray:
        segments = torch.from_numpy(read_segments(file, mask.shape))
        growth = self.settings.max_growth or None
        return merge_segments(torch.from_numpy(mask), segments, max_growth=growth).numpy()

    def evaluate(self) -> dict[str, Any]:
        num_classes = len(self.dataset.metainfo['classes'])
        pixels = torch.zeros(3, dtype=torch.int64)  # all, neutral ones, and those of objects
        areas = torch.zeros(3, 2, num_classes, dtype=torch.int64)  # pseudo mask, CAM, walk

        def work(name: str, batch: dict) -> None:
            shape = batch['mask'][0].shape if 'mask' in batch else None
            mask, walked = (self._read_mask(name, folder, shape) for folder in self.files)
            pixels[:2] += torch.tensor([mask.size, (mask == IGNORE).sum()])
            if 'mask' not in batch:
                return
            truth = np.where(mask == IGNORE, IGNORE, batch['mask'][0])
            pixels[2] += int(((truth > 0) & (truth != IGNORE)).sum())
            classes, maps, _ = self._read_cams(name)
            scores = with_background(torch.from_numpy(maps['cam'])[None], self.settings.alpha)
            masks = mask, pseudo_mask(scores[0], classes), walked
            for area, found in zip(areas, masks, strict=True):
                truth = np.where(found == IGNORE, IGNORE, batch['mask'][0])
                area += torch.from_numpy(label_areas(found, truth, num_classes))

        self.count(work, pixels, areas)
        metrics = dict(neutral=100 * pixels[1] / pixels[0])
        if self.labeled:
            names = ('mIoU', 'mIoU_cam', 'mIoU_walk')
            metrics = dict(zip(names, map(mean_iou, areas.numpy()), strict=True)) | metrics
            right, either = areas[0, :, 1:].sum(1)
            metrics['recall'] = 100 * right / pixels[2].clamp(min=1)
            metrics['precision'] = 100 * right / (either + right - pixels[2]).clamp(min=1)
        metrics = {name: round(float(value), 2) for name, value in metrics.items()}
        return metrics | {key: getattr(self.model, key) for key in ('beta', 'steps', 'border')}

    def _read_mask(
        self, name: str, folder: str, shape: tuple[int, int] | None = None
    ) -> np.ndarray:
        """Class indices of a written mask of an image of this height and width."""
        path = self.path(name, folder)
        mask = read_index_mask(path)
        check_mask_layout(mask, shape, f"mask '{path}'")
        meta = self.dataset.metainfo
        lookup = label_lookup(meta.get('reduce_zero_label', False), meta.get('label_map'))
        return apply_lookup(mask, lookup)

    def finish(self, metrics: dict[str, Any]) -> None:
        self.write_panels(self._panel, 4)

    def _panel(self, indices: list[int]) -> np.ndarray:
        files, meta, rows = OriginalFiles(self.dataset), self.dataset.metainfo, []
        for index in indices:
            name, item = self.ids[index], files[index]
            classes, maps, _ = self._read_cams(name)
            walked, _ = self._refine(name, item['image'])
            mask = self._read_mask(name, 'pseudo_masks', item['image'].shape[:2])
            rows.append(
                CAMRow(
                    name, item['image'], maps['cam'], classes.tolist(),
                    walked[1:].cpu().numpy(), mask, item.get('mask'),
                )
            )  # fmt: skip
        return make_cam_panel(rows, meta['classes'], meta['palette'])
