"""Proposals of the methods that OpenCV's contributed modules have."""

import cv2
import numpy as np

from ...core.errors import MissingPackageError
from .edges import find_edges, thin_edges
from .objectness import Objectness


def edge_box_proposals(image: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    """EdgeBoxes on thinned gradients of the colours, for which no model file is needed.

    The authors' edges are those of a trained detector.

    Args:
        image (np.ndarray): uint8, shape (H, W, 3).
        num (int): Number of boxes at most.

    Returns:
        tuple[np.ndarray, np.ndarray]: Boxes, int64 (P, 4), and their falling scores, (P,).

    Raises:
        ImportError: If this OpenCV has no contributed modules.

    Source: Zitnick & Dollár, Edge Boxes, ECCV 2014.
    """
    module, edges = _contributed('edge_boxes'), find_edges(image)
    # Thinning makes it about 20 times faster: it groups the pixels of edges one by one.
    strength = thin_edges(edges)
    orientation = np.arctan2(edges.y, edges.x) % np.pi
    finder = module.createEdgeBoxes(maxBoxes=num)
    found, scores = finder.getBoundingBoxes(strength, orientation.astype(np.float32))
    boxes = _corners(found, image.shape[:2])
    # OpenCV gives None for the scores of no boxes.
    scores = np.asarray(scores if len(boxes) else [], np.float32).reshape(-1)
    order = np.argsort(-scores, kind='stable')[:num]
    return boxes[order], scores[order]


def selective_search_proposals(image: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Selective search in its fast setting, its boxes ranked by :class:`Objectness`.

    Its own order is partly random, with a generator that nobody can seed.

    Args:
        image (np.ndarray): RGB, uint8, shape (H, W, 3).
        num (int): Number of boxes at most.

    Returns:
        tuple[np.ndarray, np.ndarray]: Boxes, int64 (P, 4), and their falling scores, (P,).

    Raises:
        ImportError: If this OpenCV has no contributed modules.

    Source: Uijlings et al., Selective Search for Object Recognition, IJCV 2013.
    """
    finder = _contributed('selective_search').segmentation.createSelectiveSearchSegmentation()
    finder.setBaseImage(np.ascontiguousarray(image[..., ::-1]))
    finder.switchToSelectiveSearchFast()
    boxes = np.unique(_corners(finder.process(), image.shape[:2]), axis=0)
    scores = Objectness(image)(boxes)
    order = np.argsort(-scores, kind='stable')[:num]
    return boxes[order], scores[order]


def _contributed(method: str):  # noqa: ANN202 - a module
    if not hasattr(cv2, 'ximgproc'):
        raise MissingPackageError(
            f"method '{method}' needs OpenCV's contributed modules, which the installed OpenCV "
            f'{cv2.__version__} lacks: pip install --force-reinstall --no-deps '
            "opencv-contrib-python; or take the method 'windows', which needs nothing"
        )
    return cv2.ximgproc


def _corners(found: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes inside the image, from those of left, top, width and height."""
    boxes = np.asarray(found, np.int64).reshape(-1, 4)
    boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    return np.clip(boxes, 0, np.tile(size[::-1], 2))
