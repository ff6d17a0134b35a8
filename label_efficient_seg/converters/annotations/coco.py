"""COCO's JSON: regions of images as run lengths or polygons."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ...core.atomic import write_atomically
from ...core.errors import UserError
from ...datasets.files.run_lengths import coco_counts, coco_mask, empty_mask
from .classes import class_index

if TYPE_CHECKING:
    from .exchange import Masks


def write(masks: 'Masks', out: Path, prefix: str = '') -> None:
    """Write one region for each class of an image, as run lengths."""
    categories = [dict(id=index + 1, name=name) for index, name in enumerate(masks.classes)]
    content: dict[str, list] = dict(images=[], annotations=[], categories=categories)
    for number, (name, mask) in enumerate(masks, 1):
        height, width = mask.shape
        file = prefix + masks.files[name]
        content['images'].append(dict(id=number, file_name=file, width=width, height=height))
        for index, region in masks.regions(mask):
            x, y, w, h = cv2.boundingRect(region.astype(np.uint8))
            content['annotations'].append(
                dict(
                    id=len(content['annotations']) + 1,
                    image_id=number,
                    category_id=index + 1,
                    iscrowd=1,
                    area=int(region.sum()),
                    bbox=[x, y, w, h],
                    segmentation=dict(size=[height, width], counts=coco_counts(region)),
                )
            )
    write_atomically(out, json.dumps(content))


def read(
    source: Path, classes: Sequence[str] | None, prefix: str = ''
) -> tuple[Sequence[str], Iterator[tuple[str, np.ndarray]]]:
    """Classes, and names and masks of the images."""
    content = json.loads(source.read_text('utf-8'))
    categories = {entry['id']: entry['name'] for entry in content['categories']}
    names = classes or [categories[key] for key in sorted(categories)]
    indices = {key: class_index(name, names) for key, name in categories.items()}
    return names, _masks(content, indices, prefix)


def _masks(
    content: dict[str, Any], indices: dict[int, int], prefix: str
) -> Iterator[tuple[str, np.ndarray]]:
    regions: dict[int, list] = {image['id']: [] for image in content['images']}
    for entry in content['annotations']:
        regions[entry['image_id']].append(entry)
    for image in content['images']:
        mask = empty_mask(image['height'], image['width'])
        for entry in regions[image['id']]:
            _paint(mask, entry['segmentation'], indices[entry['category_id']])
        file = image['file_name'].removeprefix(prefix)
        yield PurePosixPath(file).with_suffix('').as_posix(), mask


def _paint(mask: np.ndarray, region: dict | list, index: int) -> None:
    if isinstance(region, dict):
        if list(region['size']) != list(mask.shape):
            raise UserError(f'a region of {region["size"]} is in an image of {list(mask.shape)}')
        mask[coco_mask(region['counts'], *mask.shape)] = index
        return
    for polygon in region:
        points = np.rint(np.reshape(polygon, (1, -1, 2))).astype(np.int32)
        cv2.fillPoly(mask, points, index)
