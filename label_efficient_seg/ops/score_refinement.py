"""Refinement of class scores by the colours of the image, by its name in settings."""

from collections.abc import Callable, Mapping

import torch.nn.functional as F
from torch import Tensor

from ..core.errors import UserError
from ..core.suggest import did_you_mean
from .dense_crf import dense_crf
from .pixel_adaptive_refinement import pixel_adaptive_refinement


def refine_by_image(scores: Tensor, image: Tensor, refinement: str) -> Tensor:
    """Move the borders of class scores to those of the image.

    Args:
        scores (Tensor): Scores in [0, 1], the background included, shape (N, C, H, W).
        image (Tensor): RGB in 0..255, shape (N, 3, H, W), any dtype and device.
        refinement (str): A key of :data:`REFINEMENTS`: ``'crf'`` for :func:`dense_crf`, whose
            result are probabilities; ``'par'`` for :func:`pixel_adaptive_refinement` at half the
            resolution, as its authors use it; ``'none'``.

    Returns:
        Tensor: Scores >= 0, at least float32 unless ``'none'``, shape (N, C, H, W).

    Raises:
        UserError: If there is no such refinement.
    """
    if refinement not in REFINEMENTS:
        hint = did_you_mean(refinement, REFINEMENTS)
        raise UserError(f'there is no refinement {refinement!r}; {hint}')
    return REFINEMENTS[refinement](scores, image)


def _crf(scores: Tensor, image: Tensor) -> Tensor:
    return dense_crf(scores.clamp(min=1e-5).log(), image)


def _par(scores: Tensor, image: Tensor) -> Tensor:
    size = scores.shape[2:]
    half = [-(-side // 2) for side in size]
    small = F.interpolate(scores, half, mode='bilinear')
    colors = F.interpolate(image.to(scores), half, mode='bilinear')
    return F.interpolate(pixel_adaptive_refinement(small, colors), size, mode='bilinear')


def _none(scores: Tensor, image: Tensor) -> Tensor:
    return scores


REFINEMENTS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = dict(crf=_crf, par=_par, none=_none)
