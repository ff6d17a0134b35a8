"""All converters of files of weights by their name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.suggest import did_you_mean
from .affinitynet_checkpoints import convert_affinitynet_file
from .conversion import Conversion
from .deconvnet_caffe import convert_deconvnet_file
from .deeplabv2_checkpoints import VARIANTS, convert_deeplabv2_file
from .imagenet_backbones import BACKBONES, convert_backbone_file
from .self_training_checkpoints import KINDS, convert_self_training_file
from .sign_checkpoints import convert_sign_file
from .torchvision_mobilenet_v2 import convert_mobilenet_v2_file

BOTH_WAYS: dict[str, Callable[..., Conversion]] = {
    **{name: partial(convert_deeplabv2_file, variant=name) for name in VARIANTS},
    'affinitynet': convert_affinitynet_file,
}
TO_OURS: dict[str, Callable[..., Conversion]] = {
    'deconvnet': convert_deconvnet_file,
    **{name: partial(convert_backbone_file, kind=name) for name in BACKBONES},
    **{name: partial(convert_self_training_file, kind=name) for name in KINDS},
    'sign': convert_sign_file,
    'torchvision-mobilenetv2': convert_mobilenet_v2_file,
}


def convert_weights(
    kind: str, source: str | Path, target: str | Path, to: str = 'ours', **options: Any
) -> Conversion:
    """Convert a file of weights.

    Args:
        kind (str): A key of :data:`BOTH_WAYS` or :data:`TO_OURS`.
        source (str | Path): The file to read.
        target (str | Path): ``.pth`` file to write. It is complete or absent, also when this fails.
        to (str): ``'ours'``, or ``'official'`` for a kind of :data:`BOTH_WAYS`.
        **options (Any): ``dataset`` and ``embeddings`` of :func:`convert_sign_file`.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If there is no such kind, it does not convert to the official side, ``source``
            cannot be read safely or holds another network, or ``target`` does not end in ``.pth``.
    """
    if kind in BOTH_WAYS:
        return BOTH_WAYS[kind](source, target, to=to)
    if kind not in TO_OURS:
        hint = did_you_mean(kind, [*BOTH_WAYS, *TO_OURS])
        raise UserError(f'there is no converter {kind!r}; {hint}')
    if to != 'ours':
        raise UserError(f'weights of {kind} are converted to ours only, not to {to!r}')
    return TO_OURS[kind](source, target, **options)
