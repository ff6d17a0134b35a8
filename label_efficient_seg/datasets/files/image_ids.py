"""Names of images, as in split lists."""

import os
from typing import Any

from ...core.errors import UserError
from .splits import repeated_ids


def image_ids(dataset: Any) -> list[str]:
    """Ids of a dataset's images, as in split lists.

    Args:
        dataset (BaseSegDataset): The dataset.

    Returns:
        list[str]: In the order of the dataset.

    Raises:
        ValueError: If an id occurs more than once.
    """
    suffixes = dataset.img_suffix
    suffixes = [suffixes] if isinstance(suffixes, str) else sorted(suffixes, key=len, reverse=True)
    ids = []
    for index in range(len(dataset)):
        path = dataset.get_data_info(index)['img_path']
        name = os.path.relpath(path, dataset.data_prefix['img_path']).replace(os.sep, '/')
        ids.append(name.removesuffix(next(s for s in suffixes if name.endswith(s))))
    if repeated := repeated_ids(ids):
        raise UserError(f"image '{repeated[0]}' is listed more than once; keep one line per image")
    return ids
