"""Boxes that may hold an object, one compact file per image."""

import io
import os
from typing import NamedTuple

import numpy as np

from ...core.arrays import open_arrays
from ...core.atomic import write_atomically
from ...core.errors import UserError


class Proposals(NamedTuple):
    """What :func:`read_proposals` finds.

    Attributes:
        boxes (np.ndarray): Left, top, right and bottom edge of each box in pixels of the image
            file, right and bottom exclusive, float32, shape (P, 4); the best one first.
        scores (np.ndarray): How likely each holds an object, falling, float32, shape (P,).
        size (tuple[int, int]): Height and width of the image.
    """

    boxes: np.ndarray
    scores: np.ndarray
    size: tuple[int, int]


def write_proposals(path: str | os.PathLike, proposals: Proposals, *, run: str = '') -> None:
    """Write the proposals of an image.

    Args:
        path (str | os.PathLike): The ``.npz`` file; parent folders are made. It is complete or
            absent, and equal proposals give equal bytes.
        proposals (Proposals): There may be none.
        run (str): What they were made by, such as a digest of its settings.

    Raises:
        ValueError: If boxes have no area or are not inside the image, scores are not in falling
            order, or there is not one per box.
    """
    boxes = np.asarray(proposals.boxes, np.float32)
    scores = np.asarray(proposals.scores, np.float32)
    if problem := _problem(boxes, scores, proposals.size):
        raise UserError(f"the proposals for '{path}' {problem}")
    file = io.BytesIO()
    size = np.asarray(proposals.size, np.int32)
    np.savez_compressed(file, boxes=boxes, scores=scores, size=size, run=np.array(run))
    write_atomically(path, file.getvalue())


def read_proposals(path: str | os.PathLike, run: str | None = None) -> Proposals:
    """Read what :func:`write_proposals` wrote.

    Args:
        path (str | os.PathLike): The file.
        run (str, optional): What the proposals must have been made by. Defaults to anything.

    Returns:
        Proposals: The boxes, their scores and the size of the image.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another kind, is damaged, or comes from another run.
    """
    names = ('boxes', 'scores', 'size', 'run')
    with open_arrays(path, 'proposals', 'les proposals', names) as file:
        height, width = (int(length) for length in file['size'])
        # What has not the form of an array comes as bytes.
        boxes, scores = np.asarray(file['boxes']), np.asarray(file['scores'])
        found = Proposals(boxes, scores, (height, width))
        made_by = str(file['run'])
    if problem := _problem(found.boxes, found.scores, found.size):
        raise UserError(f"the proposals of '{path}' {problem}")
    if run is not None and made_by != run:
        raise UserError(
            f"proposals '{path}' come from another run ({made_by or 'unnamed'}, not {run}); make "
            'all files of a folder with one config and one method'
        )
    return found


def _problem(boxes: np.ndarray, scores: np.ndarray, size: tuple[int, int]) -> str:
    """What is wrong with proposals, or nothing."""
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
        return f'have the shapes {boxes.shape} and {scores.shape} instead of (P, 4) and (P,)'
    if boxes.dtype != np.float32 or scores.dtype != np.float32:
        return f'are of the types {boxes.dtype} and {scores.dtype} instead of float32'
    x1, y1, x2, y2 = boxes.T
    height, width = size
    if min(size) < 1:
        return f'are for an image of {width} x {height} pixels'
    # Written such that what is not a number fails too.
    inside = (x1 >= 0) & (y1 >= 0) & (x2 <= width) & (y2 <= height) & (x2 > x1) & (y2 > y1)
    if not inside.all():
        box = boxes[~inside][0].tolist()
        return (
            f'have the box {box}, which has no area inside the image of {width} x {height} pixels'
        )
    if not (np.isfinite(scores).all() and (np.diff(scores) <= 0).all()):
        return 'have scores that are not finite or not in falling order'
    return ''
