"""What all jobs on the images of a config share."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import all_reduce, is_main_process
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..core.atomic import write_atomically
from ..core.digests import digest
from ..core.file_walk import find_missing
from ..datasets.checks.first_look import built_streams, warn_of_images
from ..datasets.files.image_ids import image_ids
from ..engine import launch
from ..job_settings import is_input
from ..visualization import save_image
from .fingerprint import checkpoint_digest, claim_folder
from .image_loop import (
    OriginalFiles,
    build_test_images,
    has_masks,
    init_processes,
    process_images,
    reproducible,
    spread,
)


class Job:
    """Does something with the images of a config and, where it has one, a checkpoint.

    A subclass names its dataclass of settings, see :mod:`.job_settings`, from
    which :mod:`label_efficient_seg.cli.job` makes its command line, and implements :meth:`work`.

    Args:
        cfg (Config): From :func:`load_config`. Images are those of ``test_dataloader``.
        out_dir (str | Path): Folder to write to.
        settings (Settings): Settings of this job.
    """

    Settings: type
    """Dataclass of the settings, whose ``__post_init__`` checks them."""

    def __init__(self, cfg: Config, out_dir: str | Path, settings: Any) -> None:
        self.cfg, self.out_dir, self.settings = copy.deepcopy(cfg), Path(out_dir), settings
        checkpoint = getattr(settings, 'checkpoint', '')
        self.checkpoint = str(Path(checkpoint).expanduser()) if checkpoint else ''

    def run(self) -> None:
        """Do all of it, on all processes of the launch.

        Raises:
            UserError: If config, settings, inputs and folder do not fit each other.
        """
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        self.dataset, self.dataset_cfg = self.build_dataset()
        self.ids = image_ids(self.dataset)
        self.check()
        warn_of_images(built_streams('test', self.dataset))
        self.work()

    @property
    def labeled(self) -> bool:
        """Whether the images have masks."""
        return has_masks(self.dataset)

    def build_dataset(self) -> tuple[BaseSegDataset, Mapping]:
        """The images, and their config."""
        return build_test_images(self.cfg), self.cfg.test_dataloader.dataset

    def check(self) -> None:
        """Refuse settings that do not fit the images, before anything expensive."""

    def work(self) -> None:
        """What the job does with ``dataset``, ``ids`` and the model."""
        raise NotImplementedError(f'{type(self).__name__} must implement work')

    def load_model(self) -> nn.Module:
        """The config's model with its checkpoint, in evaluation mode, on each process."""
        cfg = copy.deepcopy(self.cfg)
        cfg.work_dir = str(self.out_dir / 'log')
        launch.prepare_test(cfg, self.checkpoint)
        for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
            cfg.pop(key, None)
        launch.init_cpu_processes(cfg)
        runner = launch.build_runner(cfg)
        runner.load_or_resume()
        return (runner.model.module if is_model_wrapper(runner.model) else runner.model).eval()


class ImageFileJob(Job):
    """Writes files for each image, and a summary.

    Every process does its share of the images, and each file is complete or absent. A run on a
    folder that an interrupted one left makes the missing files only; one on the folder of a run
    with other inputs is refused. Beside what a job says, there are in the folder::

        <name>.json         metrics and settings; absent until all else is complete
        panels/*.png        some of the images
        fingerprint.json    what the files are made from
        log/                of the model, if there is one
    """

    name: str
    """Of the summary and the panels."""

    what: str
    """What the files hold, for messages."""

    verb: str
    """Of the command ``les``, which runs the job."""

    files: Mapping[str, str]
    """Folders with one file for each image, and the suffix of the files."""

    outputs: Mapping[str, str]
    """What the job hands on to others: name, and path in the folder."""

    free_settings: Sequence[str] = ()
    """Settings that the files of images do not depend on: another value keeps them."""

    reads_photos = False
    """Whether images are read as they are, not prepared by the config's pipeline."""

    title = ''
    """Heading in a report, if there is anything to see."""

    plots: Mapping[str, str] = {}
    """Pictures for a report, as patterns of file names, and their captions."""

    gallery: Mapping[str, str] = {'panels/*.png': 'Images at equal distances in the list.'}
    """Likewise those to be shown side by side."""

    @staticmethod
    def key_metrics(summary: Mapping[str, Any]) -> dict[str, float]:
        """The metrics of a summary that stand for the run, the most important one first."""
        return {}

    @staticmethod
    def note(summary: Mapping[str, Any]) -> str:
        """What a reader of these metrics has to know."""
        return ''

    def inputs(self) -> dict[str, str]:
        """A digest of each input but the checkpoint, by its name for people."""
        return {}

    def process(self, name: str, batch: dict) -> None:
        """Write the files of an image.

        Args:
            name (str): Its id.
            batch (dict): The image, collated; see :class:`OriginalFiles` if the job reads photos.
        """
        raise NotImplementedError(f'{type(self).__name__} must implement process')

    def evaluate(self) -> dict[str, Any]:
        """Metrics and facts of the written files; called on all processes."""
        return {}

    def finish(self, metrics: dict[str, Any]) -> None:
        """Write lists, plots and panels; called on the main process."""

    def work(self) -> None:
        fingerprint = self._fingerprint()
        if self.checkpoint:
            self.model = self.load_model()
        else:
            init_processes(self.cfg)
        self.run_name = claim_folder(self.out_dir, fingerprint, self.what)
        file = self.out_dir / f'{self.name}.json'
        file.unlink(missing_ok=True)
        with reproducible(), torch.no_grad():
            self._process_missing()
            metrics = self.evaluate()
            if not is_main_process():
                return
            self.finish(metrics)
        print_log(f"{self.what} in '{self.out_dir}': {metrics}", 'current')
        settings = {k: v for k, v in asdict(self.settings).items() if k not in metrics}
        digests = {f'{key}_sha256': value for key, value in fingerprint.items()}
        write_atomically(file, json.dumps(metrics | settings | digests, indent=2) + '\n')

    def _fingerprint(self) -> dict[str, str]:
        found = dict(checkpoint=checkpoint_digest(self.checkpoint)) if self.checkpoint else {}
        found |= self.inputs()
        content = [self.cfg.model] if self.checkpoint else []
        content.append(self.dataset_cfg)
        for setting in fields(self.settings):
            if not is_input(setting) and setting.name not in self.free_settings:
                content.append(getattr(self.settings, setting.name))
        return found | dict(config=digest(content))

    def _process_missing(self) -> None:
        images = OriginalFiles(self.dataset) if self.reads_photos else self.dataset
        workers = self.cfg.test_dataloader.get('num_workers', 0)
        process_images(
            images, self.ids, self.process, self.what, done=self.done(), num_workers=workers
        )

    def done(self) -> set[str]:
        """Ids of the images that need not be processed."""
        found = set(self.ids)
        for folder, suffix in self.files.items():
            names = [f'{name}{suffix}' for name in self.ids]
            lost = find_missing(str(self.out_dir / folder), names)
            found -= {name.removesuffix(suffix) for name in lost}
        return found

    def path(self, name: str, folder: str | None = None) -> Path:
        """File of an image, in the first folder unless another one is named."""
        folder = folder or next(iter(self.files))
        return self.out_dir / folder / f'{name}{self.files[folder]}'

    def count(self, work: Callable[[str, dict], None], *totals: Tensor) -> None:
        """Let every process add its share of the images to totals, and sum these up.

        Args:
            work (Callable[[str, dict], None]): Called with the id of an image and a dict which has
                its ``mask`` in a list, see :class:`OriginalFiles`; changes the totals.
            *totals (Tensor): Changed in place.
        """
        masks: Dataset = OriginalFiles(self.dataset, photos=False)
        process_images(masks, self.ids, work, f'metrics of {self.what}')
        for total in totals:
            all_reduce(total)

    def write_panels(self, draw: Callable[[list[int]], np.ndarray], per_panel: int = 1) -> None:
        """Write panels of eight images at equal distances in the list.

        Args:
            draw (Callable[[list[int]], np.ndarray]): Makes a picture of images by their indices.
            per_panel (int): Number of images in a panel.
        """
        chosen = spread(len(self.ids), 8)
        for number, start in enumerate(range(0, len(chosen), per_panel), 1):
            panel = draw(chosen[start : start + per_panel])
            save_image(panel, self.out_dir / 'panels' / f'{self.name}_{number}.png')
