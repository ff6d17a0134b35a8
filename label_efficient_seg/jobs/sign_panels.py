"""Shows what SIGN makes of classes without labels: predictions, pseudo labels, features."""

import copy
from collections.abc import Collection, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.labels import IGNORE
from ..core.progress import track
from ..job_settings import SIGNPanelSettings
from ..ops import hide_labels
from ..visualization import make_zero_shot_panel, plot_features, resize_to, save_image
from .base import Job
from .image_loop import OriginalFiles

# Of the picture of features: more would cover each other, and pixels of one image are alike.
MAX_CLASSES, PER_CLASS, PER_IMAGE = 24, 200, 20
PADDING = -1


class SIGNPanelJob(Job):
    """Draws predictions, weights of pseudo labels and features of a model that generates features.

    See :class:`SIGNPanelSettings`.

    Files in the folder::

        panels/<id>.png    ground truth, prediction, and what pseudo labels would weigh
        features.png       real and generated features of the classes, in a plane
        log/

    Weights are those that self-training would give, from the model as it is, to all pixels of the
    whole image that have no label of a seen class. The step of the config does not matter, but its
    ``temperature`` does, and with its ``confidence_threshold`` a weight is 0 or 1.

    Features are of random test images, at most 200 of a class and 20 of them from one image; there
    are as many generated ones, from noise. Of more than 24 classes, the unseen ones and the first
    seen ones are shown.
    """

    Settings = SIGNPanelSettings

    def check(self) -> None:
        name, model_type = self.cfg.filename or 'the config', self.cfg.model.type
        if not hasattr(MODELS.get(model_type), 'generate'):
            raise UserError(
                f'{name} has a model of type {model_type}, which generates no features; these '
                'panels need the config of a SIGN'
            )
        if not self.labeled:
            raise UserError(
                f'{name}: the images of test_dataloader have no masks, which say where unseen '
                'classes are; set data_prefix.seg_map_path of its dataset'
            )

    def work(self) -> None:
        model = self.load_model()
        self._draw_panels(model)
        self._draw_features(model)
        print_log(f'panels and features.png are in {self.out_dir}', 'current')

    def _draw_panels(self, model: nn.Module) -> None:
        files, meta, split = OriginalFiles(self.dataset), self.dataset.metainfo, model.split
        chosen = first_images_with(split.unseen, self.dataset, self.settings.num_images)
        for index in track(chosen, 'panels', len(chosen)):
            name, batch, item = self.ids[index], pseudo_collate([self.dataset[index]]), files[index]
            (result,) = model.test_step(copy.deepcopy(batch))
            # Only a model that trains by them has pseudo labels.
            weighs = hasattr(model, 'pseudo_labels')
            panel = make_zero_shot_panel(
                item['image'],
                # What the split ignores had no labels either, and has no scores.
                np.where(np.isin(item['mask'], split.seen + split.unseen), item['mask'], IGNORE),
                result.pred_sem_seg.data[0].cpu().numpy(),
                pseudo_label_weights(model, batch, item['mask']) if weighs else None,
                meta['classes'], meta['palette'], split.unseen, caption=name,
            )  # fmt: skip
            save_image(panel, self.out_dir / 'panels' / f'{name}.png')

    def _draw_features(self, model: nn.Module) -> None:
        real, meta = real_features(model, self.dataset), self.dataset.metainfo
        if not real:
            raise UserError('no test image shows a class of the split, so there are no features')
        generated = generated_features(model, real)
        mean, axes, shares = principal_plane(np.concatenate(list(real.values())))
        real_plane, generated_plane = (
            {label: (features - mean) @ axes for label, features in kind.items()}
            for kind in (real, generated)
        )
        plot_features(
            real_plane, generated_plane, meta['classes'], meta['palette'], model.split.unseen,
            nearest_to_own(real, generated), shares, self.out_dir / 'features.png',
        )  # fmt: skip


def first_images_with(classes: Collection[int], dataset: BaseSegDataset, number: int) -> list[int]:
    """Indices of the first images that show one of some classes, then of the first others."""
    masks, found, others = OriginalFiles(dataset, photos=False), [], []
    for index in track(range(len(masks)), 'looking for images'):
        shown = np.isin(masks[index]['mask'], list(classes)).any()
        (found if shown else others).append(index)
        if len(found) == number:
            break
    return (found + others)[:number]


@torch.no_grad()
def pseudo_label_weights(model: nn.Module, batch: dict, mask: np.ndarray) -> np.ndarray:
    """What the pixels of an image would weigh in self-training.

    Args:
        model (nn.Module): A :class:`SIGN` in evaluation mode.
        batch (dict): Of that image alone, as the dataloader yields it.
        mask (np.ndarray): Its ground truth with all classes, shape (H, W).

    Returns:
        np.ndarray: At the size that the image has in the batch: NaN where a seen class has its
        label, 0 where there is neither a label nor a pseudo label.
    """
    data = model.data_preprocessor(copy.deepcopy(batch), False)
    inputs, ignored = data['inputs'], model.decode_head.ignore_index
    labels = _labels_at(model.feature_map(model.extract_feat(inputs)).shape[2:], data, mask)
    shown = hide_labels(labels, model.split.seen, ignored)
    found, weights = model.pseudo_labels(inputs, shown, labels != PADDING)
    weights = weights.masked_fill(found == ignored, 0).masked_fill(shown != ignored, torch.nan)
    weights = F.interpolate(weights[None], inputs.shape[2:], mode='nearest')[0, 0]
    height, width = data['data_samples'][0].img_shape
    return weights[:height, :width].cpu().numpy()


@torch.no_grad()
def real_features(model: nn.Module, dataset: BaseSegDataset) -> dict[int, np.ndarray]:
    """The encoder's features X of the classes that test images show.

    Args:
        model (nn.Module): A :class:`SIGN` in evaluation mode.
        dataset (BaseSegDataset): Images with masks.

    Returns:
        dict[int, np.ndarray]: Shape (n, F), by class index in ascending order.
    """
    masks, choice = OriginalFiles(dataset, photos=False), np.random.default_rng(0)
    found = {label: [] for label in (model.split.unseen + model.split.seen)[:MAX_CLASSES]}
    order = choice.permutation(len(dataset)).tolist()
    for index in track(order, 'features', len(order)):
        missing = [label for label, features in found.items() if len(features) < PER_CLASS]
        if not missing:
            break
        mask = masks[index]['mask']
        if not np.isin(mask, missing).any():
            continue
        data = model.data_preprocessor(pseudo_collate([dataset[index]]), False)
        features = model.encode(model.extract_feat(data['inputs'])).features
        labels = _labels_at(features.shape[2:], data, mask).flatten().cpu().numpy()
        features = features[0].flatten(1).T.float().cpu().numpy()
        for label in missing:
            number = min(PER_IMAGE, PER_CLASS - len(found[label]))
            found[label].extend(
                features[choice.permutation(np.flatnonzero(labels == label))[:number]]
            )
    return {label: np.stack(found[label]) for label in sorted(found) if found[label]}


@torch.no_grad()
def generated_features(model: nn.Module, real: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """As many features from the generator, with the vector of the class and z ~ N(0, I)."""
    noise, found = torch.Generator().manual_seed(0), {}
    for label, features in real.items():
        number, channels = features.shape
        latent = torch.randn(1, channels, 1, number, generator=noise).to(model.embeddings)
        labels = torch.full((1, 1, number), label, device=latent.device)
        found[label] = model.generate(labels, latent)[0, :, 0].T.float().cpu().numpy()
    return found


def principal_plane(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The plane in which features vary most.

    Args:
        features (np.ndarray): Shape (n, F), n and F >= 2.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Their mean, (F,), orthonormal axes, (F, 2), and
        the shares of the variance along these, (2,).
    """
    mean = features.mean(axis=0)
    _, lengths, axes = np.linalg.svd(features - mean, full_matrices=False)
    return mean, axes[:2].T, lengths[:2] ** 2 / (lengths**2).sum()


def nearest_to_own(
    real: Mapping[int, np.ndarray], generated: Mapping[int, np.ndarray]
) -> dict[int, float]:
    """Shares of the generated features whose nearest mean of real ones is that of their class."""
    labels, means = np.array(list(real)), np.stack([part.mean(axis=0) for part in real.values()])
    distances = {c: np.linalg.norm(part[:, None] - means, axis=2) for c, part in generated.items()}
    return {c: float((labels[d.argmin(axis=1)] == c).mean()) for c, d in distances.items()}


def _labels_at(size: torch.Size, data: dict, mask: np.ndarray) -> Tensor:
    """Labels of one preprocessed image, (1, h, w), at the size of a map, as training has them."""
    height, width = data['data_samples'][0].img_shape
    labels = data['inputs'].new_full((1, 1, *data['inputs'].shape[2:]), PADDING)
    resized = resize_to(mask, width, height, smooth=False)
    labels[..., :height, :width] = torch.from_numpy(resized).to(labels)
    return F.interpolate(labels, size, mode='nearest')[:, 0].long()
