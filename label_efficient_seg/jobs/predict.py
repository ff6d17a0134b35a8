"""Masks of photos by a trained model, for which there need be no dataset and no masks."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import all_gather_object, is_main_process
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from ..core.atomic import write_atomically
from ..core.digests import digest
from ..core.errors import FileError, UserError
from ..core.weights import load_checkpoint
from ..datasets.checks.first_look import warn_of_images
from ..datasets.checks.inspection import Sample
from ..datasets.checks.streams import Stream
from ..datasets.files.class_maps import write_class_maps
from ..datasets.files.images import read_image
from ..datasets.files.photos import find_photos
from ..datasets.transforms import loads_masks
from ..engine.published_config import inference_pipeline
from ..engine.trained_model import build_trained_model
from ..ops import dense_crf, image_windows
from ..visualization import colorize, default_palette, overlay
from .base import Job
from .fingerprint import checkpoint_digest, claim_folder
from .image_loop import init_processes, process_images


class Photos(Dataset):
    """Photos prepared by a pipeline; one that cannot be read is an item with ``error`` instead.

    Args:
        paths (Sequence[Path]): The image files.
        pipeline (Sequence[dict]): Transforms of a test dataset; those that load masks are left out.
        metainfo (Mapping): Of the dataset, which some transforms ask for.
    """

    def __init__(
        self, paths: Sequence[Path], pipeline: Sequence[dict], metainfo: Mapping[str, Any]
    ) -> None:
        self.paths, self.metainfo = paths, dict(metainfo)
        self.pipeline = Compose([step for step in pipeline if not loads_masks(step)])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        item = dict(
            img_path=str(self.paths[index]),
            seg_fields=[],
            reduce_zero_label=False,
            label_map=None,
            sample_idx=index,
        )
        try:
            return self.pipeline(item)
        except OSError as error:
            if not isinstance(error, FileError | FileNotFoundError):
                raise
            return dict(error=str(error))


class PredictJob(Job):
    """Writes the mask of each photo. Files in the folder::

        masks/<name>.png            class indices, with the classes' colours as palette
        overlays/<name>.jpg         the mask over the photo, on request
        probabilities/<name>.npz    of all classes, on request; read_class_maps reads it
        predict.json                classes, settings, and the photos that could not be read

    A run on a folder that an interrupted one left makes what is missing or older than its photo.

    Args:
        cfg (Config): From :func:`load_config`.
        out_dir (str | Path): Folder to write to.
        settings (PredictSettings): Settings.
    """

    def __init__(self, cfg: Config, out_dir: str | Path, settings: Any) -> None:
        super().__init__(cfg, out_dir, settings)
        self.failed: dict[str, str] = {}
        self._waiting: list[tuple[str, Tensor, SegDataSample]] = []

    def run(self) -> None:
        """Predict all photos, on all processes of the launch.

        Raises:
            UserError: If config, checkpoint, photos and folder do not fit each other.
        """
        init_default_scope(self.cfg.get('default_scope', 'mmseg'))
        root, self.photos = find_photos(self.settings.photos)
        names = list(self.photos)
        images = [Sample(str(path)) for path in self.photos.values()]
        warn_of_images([Stream('photos', samples=images)])
        pipeline = self._pipeline()
        self.loaded = load_checkpoint(self.checkpoint)
        self.metainfo = self._metainfo()
        run = claim_folder(self.out_dir, self._fingerprint(root, pipeline), 'predictions')
        self.run_name = run
        done = {name for name in names if self._is_done(name)}
        if len(done) < len(names):
            init_processes(self.cfg)
            self.model = build_trained_model(self.cfg.model, self.loaded, self.checkpoint)
            self.model.to(get_device())
        images = Photos(list(self.photos.values()), pipeline, self.metainfo)
        with torch.no_grad():
            process_images(
                images, names, self._take, 'photos', done=done, num_workers=self.settings.workers
            )
            self._predict_waiting()
        self._summarise(len(names))

    def _pipeline(self) -> list[dict]:
        if loader := self.cfg.get('test_dataloader'):
            return inference_pipeline(loader.dataset)
        if pipeline := self.cfg.get('test_pipeline'):
            return pipeline
        raise UserError('the config has no test_dataloader or test_pipeline to prepare photos with')

    def _metainfo(self) -> dict[str, Any]:
        """Classes and palette of the checkpoint, or else of the config's dataset."""
        meta = self.loaded.get('meta') or {}
        found = dict(meta.get('dataset_meta') or {})
        if not found.get('classes') and (loader := self.cfg.get('test_dataloader')):
            kind = DATASETS.get(loader.dataset.get('type')) if 'type' in loader.dataset else None
            found = {**getattr(kind, 'METAINFO', {}), **(loader.dataset.get('metainfo') or {})}
        if not found.get('classes'):
            raise UserError(
                f"neither checkpoint '{self.checkpoint}' nor the dataset of its config says which "
                'classes there are'
            )
        number = len(found['classes'])
        if len(found.get('palette') or ()) != number and number <= 256:
            found['palette'] = default_palette(number).tolist()
        return found

    def _fingerprint(self, root: Path, pipeline: list) -> dict[str, str]:
        settings = {key: getattr(self.settings, key) for key in ('crf', 'window')}
        return dict(
            checkpoint=checkpoint_digest(self.checkpoint),
            config=digest([self.cfg.model, pipeline, settings]),
            photos=digest(str(root)),
        )

    def _files(self, name: str) -> dict[str, Path]:
        kinds = dict(masks='.png')
        kinds |= dict(overlays='.jpg') if self.settings.overlay else {}
        kinds |= dict(probabilities='.npz') if self.settings.probabilities else {}
        return {kind: self.out_dir / kind / f'{name}{kinds[kind]}' for kind in kinds}

    def _is_done(self, name: str) -> bool:
        try:
            made = min(path.stat().st_mtime_ns for path in self._files(name).values())
            return made >= self.photos[name].stat().st_mtime_ns
        except OSError:
            return False

    def _take(self, name: str, batch: dict) -> None:
        """Add a photo to a batch; one of another size, or a large one, is a batch of its own."""
        if 'error' in batch:
            self.failed[name] = batch['error'][0]
            return
        image, sample = batch['inputs'][0], batch['data_samples'][0]
        if self._waiting and self._waiting[0][1].shape != image.shape:
            self._predict_waiting()
        self._waiting.append((name, image, sample))
        if len(self._waiting) == self.settings.batch_size or self._is_large(image, sample):
            self._predict_waiting()

    def _is_large(self, image: Tensor, sample: SegDataSample) -> bool:
        pixels = image.shape[-2] * image.shape[-1]
        # Boxes of proposals are those of the whole image.
        return 0 < 4 * self.settings.window**2 < pixels and 'proposals' not in sample.metainfo

    def _predict_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        names, images, samples = zip(*waiting, strict=True)
        if self._is_large(images[0], samples[0]):
            # Batches of one image, so all windows are of equal size.
            results = [self._predict_windows(images[0], samples[0])]
        else:
            results = self._predict(images, samples)
        for name, (mask, probabilities) in zip(names, results, strict=True):
            self._write(name, mask, probabilities)

    def _predict(
        self, images: Sequence[Tensor], samples: Sequence[SegDataSample]
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Masks (H, W), and on request probabilities (C, H, W), in the samples' original size."""
        batch = dict(inputs=list(images), data_samples=list(samples))
        for image, result in zip(images, self.model.test_step(batch), strict=True):
            labels, logits = result.pred_sem_seg.data[0], result.seg_logits.data.float()
            kept = None
            if self.settings.crf or self.settings.probabilities:
                if len(logits) == 1:  # MMSeg gives the probability of the second of two classes
                    logits = torch.cat([torch.zeros_like(logits), logits.logit(1e-6)])
                probabilities = logits.softmax(0)
                if self.settings.crf:
                    colors = image[None].to(logits)
                    colors = F.interpolate(colors, logits.shape[-2:], mode='bilinear')
                    probabilities = dense_crf(logits[None], colors)[0]
                    labels = probabilities.argmax(0)
                if self.settings.probabilities:
                    kept = probabilities.cpu().numpy()
            yield labels.cpu().numpy().astype(np.uint16), kept

    def _predict_windows(
        self, image: Tensor, sample: SegDataSample
    ) -> tuple[np.ndarray, np.ndarray | None]:
        height, width = image.shape[-2:]
        mask, probabilities = np.zeros((height, width), np.uint16), None
        side = self.settings.window
        for window in image_windows(height, width, side, side // 8):
            part = image[:, window.rows, window.columns]
            shape = tuple(part.shape[-2:])
            shapes = dict(ori_shape=shape, img_shape=shape, pad_shape=shape)
            whole = {k: v for k, v in sample.metainfo.items() if k != 'scale_factor'}
            labels, parts = next(
                self._predict([part], [SegDataSample(metainfo={**whole, **shapes})])
            )
            own = window.own_rows, window.own_columns
            inner = tuple(
                slice(own_part.start - all_part.start, own_part.stop - all_part.start)
                for own_part, all_part in zip(own, (window.rows, window.columns), strict=True)
            )
            mask[own] = labels[inner]
            if parts is not None:
                if probabilities is None:
                    probabilities = np.zeros((len(parts), height, width), np.float16)
                probabilities[(slice(None), *own)] = parts[(slice(None), *inner)]
        size = sample.ori_shape[::-1]
        if size != (width, height):
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
            if probabilities is not None:
                planes = probabilities.astype(np.float32)
                probabilities = np.stack([cv2.resize(plane, size) for plane in planes])
        return mask, probabilities

    def _write(self, name: str, mask: np.ndarray, probabilities: np.ndarray | None) -> None:
        """Write all files of a photo, the mask last."""
        files, palette = self._files(name), self.metainfo.get('palette')
        if probabilities is not None:
            classes = range(len(probabilities))
            write_class_maps(
                files['probabilities'], classes, run=self.run_name, probabilities=probabilities
            )
        if 'overlays' in files:
            photo = read_image(self.photos[name], channel_order='rgb')
            picture = Image.fromarray(overlay(photo, colorize(mask, palette)))
            write_atomically(files['overlays'], _encode(picture, 'JPEG', quality=92))
        if len(self.metainfo['classes']) > 256:
            write_atomically(files['masks'], _encode(Image.fromarray(mask), 'PNG'))
            return
        picture = Image.fromarray(mask.astype(np.uint8))
        picture.putpalette(np.asarray(palette, np.uint8).tobytes())
        write_atomically(files['masks'], _encode(picture, 'PNG'))

    def _summarise(self, number: int) -> None:
        failed = {k: v for part in all_gather_object(self.failed) for k, v in part.items()}
        self.failed = dict(sorted(failed.items()))
        if not is_main_process():
            return
        colors = self.metainfo.get('palette') or []
        classes = [
            dict(index=index, name=name, **(dict(color=list(colors[index])) if colors else {}))
            for index, name in enumerate(self.metainfo['classes'])
        ]
        settings = {k: v for k, v in asdict(self.settings).items() if k != 'photos'}
        summary = dict(photos=number, failed=self.failed, classes=classes) | settings
        write_atomically(self.out_dir / 'predict.json', json.dumps(summary, indent=2) + '\n')
        print_log(f"{number - len(failed)} of {number} masks are in '{self.out_dir}'", 'current')


def _encode(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
