from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import collect_results, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from ...core.errors import UserError
from ...datasets.files.image_ids import image_ids
from ...datasets.files.images import read_image
from ...datasets.files.pseudo_masks import write_label
from ...evaluation import label_areas, mean_iou
from ...ops import with_background
from .. import launch
from ..cam_refinement import load_affinity_net, pseudo_mask, refine_cams


@HOOKS.register_module()
class CAMRefinementHook(Hook):
    """Refines the CAMs of a test run with a trained AffinityNet, and writes pseudo masks.

    It goes into ``custom_hooks`` of the config of a ``CAMSegmentor``. Where the images have masks,
    the test reports three more metrics: ``mIoU_cam`` of the CAMs at the same ``alpha``,
    ``mIoU_walk`` after the random walk, and ``mIoU_crf`` or ``mIoU_par`` after the refinement. For
    thousands of images, ``les masks`` does the same from CAM files and can be interrupted.

    Args:
        config (str): Config of the AffinityNet: a file, or the name of a shipped one.
        checkpoint (str): Its checkpoint.
        out_dir (str): Folder for ``<id>.png``, palette masks of the dataset's classes.
        alpha (float): Power of the background.
        refinement (str): ``'crf'``, ``'par'`` or ``'none'``, see :func:`refine_by_image`.
    """

    # Before RuntimeInfoHook, which hands the metrics of the test to the log.
    priority = 'HIGHEST'

    def __init__(
        self,
        config: str,
        checkpoint: str,
        out_dir: str,
        alpha: float = 16,
        refinement: str = 'crf',
    ) -> None:
        self.config, self.checkpoint, self.out_dir = config, checkpoint, Path(out_dir)
        self.alpha, self.refinement = alpha, refinement

    def before_test(self, runner: Runner) -> None:
        """Load the AffinityNet."""
        self._model = load_affinity_net(launch.load_config(self.config), self.checkpoint)
        dataset = runner.test_dataloader.dataset
        paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
        self._names = dict(zip(paths, image_ids(dataset), strict=True))
        self._areas: list[np.ndarray] = []

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[SegDataSample] = (),
    ) -> None:
        """Refine the CAMs of a batch.

        Raises:
            ValueError: If the model gives no CAMs.
        """
        for sample in outputs:
            if 'cams' not in sample:
                raise UserError(
                    f"the prediction of '{sample.get('img_path')}' has no CAMs; CAMRefinementHook "
                    'belongs into the config of a CAMSegmentor'
                )
            self._refine(sample, runner.test_dataloader.dataset.metainfo)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Add the metrics to those of the test."""
        areas = collect_results(self._areas, len(self._names), device='cpu')
        if not is_main_process():
            return
        runner.logger.info(f'{len(self._names)} pseudo masks are in {self.out_dir}')
        if areas and metrics is not None:
            names = ('mIoU_cam', 'mIoU_walk', f'mIoU_{self.refinement}')[: len(areas[0])]
            for name, area in zip(names, np.sum(areas, axis=0), strict=True):
                metrics[name] = round(float(mean_iou(area)), 2)

    def _refine(self, sample: SegDataSample, metainfo: Mapping[str, Any]) -> None:
        image, cams = read_image(sample.img_path, channel_order='rgb'), sample.cams.data
        walked, refined = (
            pseudo_mask(scores, sample.cam_classes)
            for scores in refine_cams(self._model, image, cams, self.alpha, self.refinement)
        )
        path = self.out_dir / f'{self._names[sample.img_path]}.png'
        write_label(path, refined, refined.shape, metainfo)
        if 'gt_sem_seg' not in sample:
            return
        before = pseudo_mask(with_background(cams[None], self.alpha)[0], sample.cam_classes)
        masks = [before, walked] + [refined] * (self.refinement != 'none')
        truth = sample.gt_sem_seg.data[0].cpu().numpy()
        areas = [label_areas(mask, truth, len(metainfo['classes'])) for mask in masks]
        self._areas.append(np.stack(areas))
