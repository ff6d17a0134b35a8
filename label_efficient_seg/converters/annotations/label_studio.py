"""Label Studio's JSON: brushes in tasks."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.sax.saxutils import quoteattr

import numpy as np

from ...core.atomic import write_atomically
from ...core.errors import UserError
from ...datasets.files.run_lengths import brush_bytes, brush_mask, empty_mask
from .classes import class_index

if TYPE_CHECKING:
    from .exchange import Masks

FIELD, TAG = 'image', 'label'
UPLOADED = re.compile(r'^[0-9a-f]{8}-')
"""What Label Studio puts before the name of an uploaded file."""


def write(masks: 'Masks', out: Path, prefix: str = '') -> None:
    """Write a task with a prediction for each image, and the labels as ``.xml``."""
    tasks = []
    for name, mask in masks:
        result = [
            dict(
                id=f'{name}-{index}',
                type='brushlabels',
                from_name=TAG,
                to_name=FIELD,
                original_width=mask.shape[1],
                original_height=mask.shape[0],
                image_rotation=0,
                value=dict(
                    format='rle', rle=brush_bytes(region), brushlabels=[masks.classes[index]]
                ),
            )
            for index, region in masks.regions(mask)
        ]
        data = {FIELD: prefix + masks.files[name]}
        tasks.append(dict(data=data, predictions=[dict(result=result)]))
    write_atomically(out, json.dumps(tasks))
    labels = [
        f'    <Label value={quoteattr(name)} background="#{r:02x}{g:02x}{b:02x}"/>'
        for index, (name, (r, g, b)) in enumerate(zip(masks.classes, masks.colors, strict=True))
        if index not in masks.skipped
    ]
    lines = [
        '<View>',
        f'  <Image name="{FIELD}" value="${FIELD}"/>',
        f'  <BrushLabels name="{TAG}" toName="{FIELD}">',
        *labels,
        '  </BrushLabels>',
        '</View>',
    ]
    write_atomically(out.with_suffix('.xml'), '\n'.join(lines) + '\n')


def read(
    source: Path, classes: Sequence[str] | None, prefix: str = ''
) -> tuple[Sequence[str], Iterator[tuple[str, np.ndarray]]]:
    """Classes, and names and masks of the images that have an annotation."""
    if classes is None:
        raise UserError(
            "Label Studio's files do not list the classes in order; name them, by index"
        )
    return classes, _masks(json.loads(source.read_text('utf-8')), classes, prefix)


def _masks(
    tasks: list[dict], classes: Sequence[str], prefix: str
) -> Iterator[tuple[str, np.ndarray]]:
    for task in tasks:
        done = [a for a in task.get('annotations') or [] if not a.get('was_cancelled')]
        result = (done or task.get('predictions') or [{}])[-1].get('result', [])
        brushes = [entry for entry in result if entry.get('type') == 'brushlabels']
        if not brushes:
            continue
        height, width = brushes[0]['original_height'], brushes[0]['original_width']
        mask = empty_mask(height, width)
        for entry in brushes:
            index = class_index(entry['value']['brushlabels'][0], classes)
            mask[brush_mask(entry['value']['rle'], height, width)] = index
        yield _name(task['data'], prefix), mask


def _name(data: dict[str, Any], prefix: str) -> str:
    """Name of a photo behind the prefix; of an upload, without the folders of the server."""
    url = next(value for value in data.values() if isinstance(value, str))
    if not url.startswith('/') or prefix and url.startswith(prefix):
        return PurePosixPath(url.removeprefix(prefix)).with_suffix('').as_posix()
    return UPLOADED.sub('', PurePosixPath(unquote(re.split('[=?]', url)[-1])).stem)
