"""Pretrained weights that configs name by URL or by a name in OpenMMLab's lists.

MMEngine's own loaders of such names unpickle whatever they download. These download to the same
cache and read the file with :func:`~.weights.load_checkpoint`.
"""

from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, get_rank
from mmengine.runner import CheckpointLoader

from .errors import FileError, UserError
from .stack_internals import strip_backbone, zoo_urls
from .weights import load_checkpoint

LISTS = ('torchvision', 'modelzoo', 'open-mmlab', 'openmmlab', 'mmcls')


def load_url(url: str, map_location: Any = None) -> dict:
    """Download a checkpoint, unless PyTorch's cache has it, and load it.

    Args:
        url (str): Address of the file.
        map_location: As in ``torch.load``; the CPU when absent.

    Returns:
        dict: The checkpoint.

    Raises:
        OSError: If it cannot be downloaded.
        ValueError: As :func:`load_checkpoint`.
    """
    path = Path(torch.hub.get_dir(), 'checkpoints', Path(urlparse(url).path).name)
    # One process downloads; where processes do not share the cache, the others do afterwards.
    for is_my_turn in (get_rank() == 0, get_rank() > 0):
        if is_my_turn and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                torch.hub.download_url_to_file(url, str(path))
            except (URLError, TimeoutError, ConnectionError) as error:
                raise FileError(
                    f'cannot download {url} ({error}); download it elsewhere and name the file '
                    f'in its place, or put it at {str(path)!r}'
                ) from error
        barrier()
    return load_checkpoint(path, map_location or 'cpu')


def load_from_list(filename: str, map_location: Any = None) -> dict:
    """Load a checkpoint by its name in a list of OpenMMLab, such as ``torchvision://resnet50``.

    Args:
        filename (str): Name with its prefix.
        map_location: As in ``torch.load``; the CPU when absent.

    Returns:
        dict: The checkpoint.

    Raises:
        ValueError: If the list has no such name.
    """
    kind, _, name = filename.partition('://')
    urls = zoo_urls(kind)
    if name not in urls:
        raise UserError(f'weights {filename!r}: the list of {kind} has no {name!r}')
    load = load_url if '://' in urls[name] else load_checkpoint
    checkpoint = load(urls[name], map_location or 'cpu')
    return strip_backbone(checkpoint) if kind == 'mmcls' else checkpoint


def _refuse(filename: str, map_location: Any = None) -> dict:
    raise UserError(f'weights {filename!r}: download the file and name its local path')


CheckpointLoader.register_scheme(('http://', 'https://'), load_url, force=True)
CheckpointLoader.register_scheme([f'{kind}://' for kind in LISTS], load_from_list, force=True)
CheckpointLoader.register_scheme(
    # These need the clients of companies, which no public package provides.
    [r'(\S+\:)?s3://', r'(\S+\:)?petrel://', 'pavi://'],
    _refuse,
    force=True,
)
