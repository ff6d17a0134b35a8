"""Writes the class activation maps of a dataset's images, and says how good they are."""

import copy
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import all_reduce, is_main_process
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from torch import nn

from ..core.atomic import write_atomically
from ..core.errors import NotFiniteError, UserError
from ..datasets.files.class_maps import read_class_maps, write_class_maps
from ..datasets.files.image_ids import image_ids
from ..datasets.partially_labeled import find_missing
from ..evaluation import SweepResult, ThresholdSweep
from ..evaluation.cam_iou_metric import GIVEN_TAGS
from ..ops import with_background
from ..visualization import CAMRow, make_cam_panel, plot_thresholds, save_image
from .fingerprint import checkpoint_digest, claim_folder, digest
from .image_loop import OriginalFiles, build_test_images, has_masks, load_model, process_images
from .image_scoring import reproducible


class CAMInference:
    """Writes the CAMs of images and their mean IoU over thresholds of the background.

    Files in the folder::

        cams/<id>.npz       normalised CAMs of the present classes at the size of the image, the
                            map ``cam`` of :func:`read_class_maps`
        cams.json           settings and metrics; absent until all else is complete
        thresholds.png      mean IoU over the threshold; only if the images have masks
        panels/*.png        some of the images
        fingerprint.json, log/

    All metrics are those of the written files, which hold the CAMs in float16. A run on a folder
    that an interrupted one left makes the missing files only.

    Args:
        cfg (Config): From :func:`load_config`, with a ``CAMSegmentor``. Images are those of
            ``test_dataloader``, with or without masks.
        checkpoint (str): Of the classifier.
        out_dir (str | Path): Folder to write to.
        alpha (float): Power of the background, for which a metric is reported besides that at the
            best threshold, and of which the panels' predictions are made.
    """

    def __init__(
        self, cfg: Config, checkpoint: str, out_dir: str | Path, *, alpha: float = 16
    ) -> None:
        self.cfg = copy.deepcopy(cfg)
        self.checkpoint = str(Path(checkpoint).expanduser())
        self.out_dir = Path(out_dir)
        self.alpha = alpha

    def run(self) -> None:
        """Write what is missing, on all processes of the launch, and the metrics.

        Raises:
            FileNotFoundError: If the checkpoint does not exist.
            ValueError: If config, checkpoint, images and folder do not fit each other.
            FloatingPointError: If CAMs are not finite.
        """
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        dataset = build_test_images(self.cfg)
        ids = image_ids(dataset)
        fingerprint = dict(
            checkpoint=checkpoint_digest(self.checkpoint),
            config=digest([self.cfg.model, self.cfg.test_dataloader.dataset]),
        )
        model = load_model(self.cfg, self.checkpoint, self.out_dir / 'log')
        run = claim_folder(self.out_dir, fingerprint, 'CAMs')
        (self.out_dir / 'cams.json').unlink(missing_ok=True)
        with reproducible():
            self._write_cams(model, dataset, ids, run)
            result = self._evaluate(dataset, ids, run) if has_masks(dataset) else None
        if is_main_process():
            self._write_panels(dataset, ids, run)
            self._write_summary(model, dataset, result, fingerprint)

    def _path(self, name: str) -> Path:
        return self.out_dir / 'cams' / f'{name}.npz'

    def _write_cams(
        self, model: nn.Module, dataset: BaseSegDataset, ids: Sequence[str], run: str
    ) -> None:
        missing = find_missing(str(self.out_dir / 'cams'), [f'{name}.npz' for name in ids])
        done = set(ids) - {name.removesuffix('.npz') for name in missing}
        num_classes = len(dataset.metainfo['classes'])

        @torch.no_grad()
        def work(name: str, batch: dict) -> None:
            sample = model.test_step(batch)[0]
            if 'cams' not in sample:
                raise UserError(
                    f'no CAMs come from {type(model).__name__}; the config needs a CAMSegmentor'
                )
            classes, cams = list(sample.cam_classes), sample.cams.data.cpu().numpy()
            if strangers := [c for c in classes if not 0 < c < num_classes]:
                raise UserError(
                    f"image '{name}' has a CAM of class {strangers[0]}, but the classes of the "
                    f'dataset are 1 to {num_classes - 1} and the background; model and dataset do '
                    'not fit each other'
                )
            if not np.isfinite(cams).all():
                raise NotFiniteError(
                    f"the CAMs of image '{name}' are not finite; {self.checkpoint!r} holds broken "
                    'weights'
                )
            write_class_maps(self._path(name), classes, run=run, cam=cams)

        workers = self.cfg.test_dataloader.get('num_workers', 0)
        process_images(dataset, ids, work, 'CAMs', done=done, num_workers=workers)

    def _evaluate(self, dataset: BaseSegDataset, ids: Sequence[str], run: str) -> SweepResult:
        """Compare the written files with the masks; every process counts its share."""
        sweep = ThresholdSweep(len(dataset.metainfo['classes']), self.alpha)
        total = np.zeros((2, sweep.num_classes, len(sweep.thresholds)), np.int64)

        def work(name: str, batch: dict) -> None:
            found = read_class_maps(self._path(name), run)
            total[:] += sweep.areas(found.maps['cam'], found.classes, batch['mask'][0])

        process_images(OriginalFiles(dataset, photos=False), ids, work, 'mIoU of CAMs')
        summed = torch.from_numpy(total)
        all_reduce(summed)
        return sweep.result(summed.numpy())

    def _write_panels(self, dataset: BaseSegDataset, ids: Sequence[str], run: str) -> None:
        """Images at equal distances in the list, four in a panel."""
        files, meta = OriginalFiles(dataset), dataset.metainfo
        chosen = np.unique(np.linspace(0, len(ids) - 1, 8, dtype=int))
        for number, indices in enumerate(np.split(chosen, range(4, len(chosen), 4)), 1):
            rows = []
            for index in indices:
                found, item = read_class_maps(self._path(ids[index]), run), files[index]
                cams = found.maps['cam']
                scores = with_background(torch.from_numpy(cams)[None], self.alpha)
                prediction = np.append(0, found.classes)[scores.argmax(1)[0].numpy()]
                rows.append(
                    CAMRow(
                        ids[index], item['image'], cams, found.classes.tolist(),
                        prediction=prediction, label=item.get('mask'),
                    )
                )  # fmt: skip
            panel = make_cam_panel(rows, meta['classes'], meta['palette'])
            save_image(panel, self.out_dir / 'panels' / f'cams_{number}.png')

    def _write_summary(
        self,
        model: nn.Module,
        dataset: BaseSegDataset,
        result: SweepResult | None,
        fingerprint: dict[str, str],
    ) -> None:
        summary = dict(images=len(dataset), tags=tag_source(model, dataset))
        if result is None:
            print_log('the images have no masks: CAMs are written, but not evaluated', 'current')
        else:
            plot = self.out_dir / 'thresholds.png'
            marks = {f'alpha {self.alpha:g}': result.alpha_threshold}
            plot_thresholds(result.thresholds, result.values, plot, marks)
            if summary['tags'] != 'predicted':
                print_log(GIVEN_TAGS, 'current', logging.WARNING)
            print_log(f'{result.metrics()}', 'current')
            summary = result.metrics() | summary
        summary |= dict(
            alpha=self.alpha,
            checkpoint=self.checkpoint,
            checkpoint_sha256=fingerprint['checkpoint'],
            config_sha256=fingerprint['config'],
        )
        write_atomically(self.out_dir / 'cams.json', json.dumps(summary, indent=2) + '\n')


def tag_source(model: nn.Module, dataset: BaseSegDataset) -> str:
    """Where the tags of a dataset's CAMs come from: ``predicted``, ``masks`` or ``file``."""
    if getattr(model, 'labels', None) == 'predicted':
        return 'predicted'
    return 'masks' if getattr(dataset, 'labels', None) is None else 'file'
