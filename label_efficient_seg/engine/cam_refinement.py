"""Refinement of one image's CAMs by a trained AffinityNet and by its colours."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import CheckpointLoader
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.labels import IGNORE
from ..core.weights import check_finite
from ..ops import refine_by_image, with_background


def load_affinity_net(cfg: Config, checkpoint: str) -> nn.Module:
    """Build the AffinityNet of a config with trained weights.

    Args:
        cfg (Config): Its config.
        checkpoint (str): Checkpoint file.

    Returns:
        nn.Module: In evaluation mode, on the device of this process.

    Raises:
        ValueError: If the config is that of another model, or the checkpoint does not fit.
    """
    model = check_affinity_net(MODELS.build(cfg.model))
    state = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    state = state.get('state_dict', state)
    check_finite(state, checkpoint)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(
            f'the checkpoint {checkpoint!r} is not of the {type(model).__name__} of this config: '
            f'{error}'
        ) from error
    return model.to(get_device()).eval()


def check_affinity_net(model: nn.Module) -> nn.Module:
    """Return the model.

    Raises:
        ValueError: If it cannot refine CAMs.
    """
    if not hasattr(model, 'refine'):
        raise UserError(
            f'a {type(model).__name__} refines no CAMs; the config needs an AffinityNet'
        )
    return model


@torch.no_grad()
def refine_cams(
    model: nn.Module,
    image: np.ndarray,
    cams: np.ndarray | Tensor,
    alpha: float = 16,
    refinement: str = 'none',
) -> tuple[Tensor, Tensor]:
    """Let the classes of an image walk along its affinities, and refine the result.

    Args:
        model (nn.Module): A trained AffinityNet in evaluation mode.
        image (np.ndarray): Photo, RGB uint8, shape (H, W, 3).
        cams (np.ndarray | Tensor): Normalised CAMs of its k classes, shape (k, H, W); k may be 0.
        alpha (float): Power of the background, see :func:`with_background`.
        refinement (str): ``'crf'``, ``'par'`` or ``'none'``, see :func:`refine_by_image`.

    Returns:
        tuple[Tensor, Tensor]: Scores of the background and the k classes after the walk, and after
        the refinement: float32, shape (1 + k, H, W).

    Raises:
        ValueError: If CAMs and image differ in size, or the image is too small for the border of
            the model.

    Source: Ahn & Kwak, Learning Pixel-level Semantic Affinity, CVPR 2018.
    """
    photo = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
    # Data preprocessors are set for what mmcv reads, BGR.
    images = model.data_preprocessor(dict(inputs=[photo.flip(0)]), False)['inputs']
    scores = with_background(torch.as_tensor(cams, device=images.device)[None], alpha)
    walked = model.refine(images, scores)
    if not len(cams):  # all is background
        return walked[0], walked[0]
    return walked[0], refine_by_image(walked, photo[None], refinement)[0]


def pseudo_mask(scores: Tensor, classes: Sequence[int], min_confidence: float = 0) -> np.ndarray:
    """The best class of each pixel.

    Args:
        scores (Tensor): Scores >= 0 of the background and of k classes, shape (1 + k, H, W).
        classes (Sequence[int]): Indices of the k classes.
        min_confidence (float): Pixels whose best class has less than this share of all scores are
            neutral.

    Returns:
        np.ndarray: Class indices, uint8, shape (H, W); 255 for neutral pixels.
    """
    best, index = scores.max(0)
    mask = torch.tensor([0, *classes], dtype=torch.uint8)[index.cpu()]
    return mask.masked_fill((best < min_confidence * scores.sum(0)).cpu(), IGNORE).numpy()
