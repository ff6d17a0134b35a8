"""Boxes that may hold an object, by one of several methods."""

import numpy as np

from ...core.errors import UserError
from ..files.proposal_files import Proposals
from .opencv import edge_box_proposals, selective_search_proposals
from .windows import window_proposals

METHODS = dict(
    windows=window_proposals,
    edge_boxes=edge_box_proposals,
    selective_search=selective_search_proposals,
)


def check_method(method: str, num: int) -> None:
    """Check the settings of :func:`make_proposals`.

    Raises:
        ValueError: If there is no such method, or the number is not positive.
    """
    if method not in METHODS:
        raise UserError(f'unknown method {method!r}; choose one of {", ".join(METHODS)}')
    if num < 1:
        raise UserError(f'the number of proposals must be positive, but is {num}')


def make_proposals(image: np.ndarray, method: str = 'windows', num: int = 2000) -> Proposals:
    """Find boxes that may hold an object; equal images give equal boxes.

    Args:
        image (np.ndarray): RGB, uint8, shape (H, W, 3).
        method (str): ``'windows'``, which needs nothing, ``'edge_boxes'`` or
            ``'selective_search'``, which need OpenCV's contributed modules.
        num (int): Number of boxes at most.

    Returns:
        Proposals: The best one first.

    Raises:
        ImportError: If this OpenCV does not have the method.
        ValueError: If there is no such method, the number is not positive, or the image is not
            uint8 with three channels.
    """
    check_method(method, num)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise UserError(
            f'proposals need an image of type uint8 and shape (H, W, 3), but it is {image.dtype} '
            f'of {image.shape}'
        )
    boxes, scores = METHODS[method](image, num)
    keep = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return Proposals(boxes[keep].astype(np.float32), scores[keep], image.shape[:2])
