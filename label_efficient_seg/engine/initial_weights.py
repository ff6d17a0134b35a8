"""Initial weights of the parts of a model, such as of its backbone."""

import os
from collections.abc import Collection, Mapping
from typing import Any

from mmengine.model import BaseModule
from torch import nn

from ..core.errors import UserError
from ..core.weights import load_checkpoint


def check_initial_weights(model: nn.Module, share: float = 0.75) -> None:
    """Refuse a file of initial weights of another network than the part that begins with it.

    MMEngine only warns of what does not fit, so the part would begin with random weights. Parts
    that open the file themselves, and files that are not on this machine, are left alone.

    Args:
        model (nn.Module): Of any parts, whose ``init_cfg`` may name files.
        share (float): Of a part's kernels (tensors with two dimensions or more), at least that
            many must be filled, in [0, 1]. ResNet-101 would get half of them from ResNet-50; a
            network with layers that the file cannot have, such as fc6 and fc7 of VGG-16, gets
            nearly all.

    Raises:
        ValueError: If a file fills no tensor of its part, or fewer kernels than that.
    """
    for part in model.modules():
        if not isinstance(part, BaseModule) or _reads_formats_of_its_own(part):
            continue
        for init in part.init_cfg if isinstance(part.init_cfg, list) else [part.init_cfg]:
            if init and init['type'] == 'Pretrained' and os.path.isfile(init['checkpoint']):
                _check_file(part, init, share)


def _check_file(part: BaseModule, init: Mapping[str, Any], share: float) -> None:
    """:func:`check_initial_weights` of one part and one of its files."""
    path = init['checkpoint']
    loaded = load_checkpoint(path)
    prefix = f'{init["prefix"].rstrip(".")}.' if init.get('prefix') else ''
    found = {
        key.removeprefix('module.').removeprefix(prefix): tensor
        for key, tensor in loaded.get('state_dict', loaded).items()
    }
    names = list(found)
    if hasattr(part, 'rename_weights'):
        part.rename_weights(found)
    expected = {key: tensor.shape for key, tensor in part.state_dict().items() if tensor.ndim}
    unfit = {
        key: shape
        for key, shape in expected.items()
        if getattr(found.get(key), 'shape', None) != shape
    }
    kind = type(part).__name__
    advice = 'les convert --help lists formats that it can convert'
    if len(unfit) == len(expected):
        raise UserError(
            f"initial weights '{path}': none of their {len(names)} tensors "
            f'({", ".join(names[:2])}, ...) fits the {kind} of the model '
            f'({", ".join(list(expected)[:2])}, ...); {advice}'
        )
    check_share(f"initial weights '{path}' are", kind, expected, unfit, share, advice)


def _reads_formats_of_its_own(part: BaseModule) -> bool:
    """Whether ``init_weights`` of a part opens the file itself, as that of a ViT does.

    Others that override it, such as SegFormer's, leave a file to MMEngine.
    """
    readers = {'CheckpointLoader', 'load_checkpoint', '_load_checkpoint'}
    return any(
        readers & set(cls.__dict__['init_weights'].__code__.co_names)
        for cls in type(part).__mro__[: type(part).__mro__.index(BaseModule)]
        if 'init_weights' in cls.__dict__
    )


def check_share(
    subject: str,
    part: str,
    expected: Mapping[str, tuple[int, ...]],
    unfit: Collection[str],
    share: float,
    advice: str = "use the config it was trained with, which stands in its run's folder",
) -> None:
    """Refuse weights that leave most kernels of a part random.

    Args:
        subject (str): What the weights are called, and a verb.
        part (str): What the part is called.
        expected (Mapping[str, tuple[int, ...]]): Shapes of its tensors by name.
        unfit (Collection[str]): Names of those that the weights do not fill.
        share (float): As for :func:`check_initial_weights`.
        advice (str): What to do.

    Raises:
        ValueError: If they fill fewer.
    """
    kernels = [key for key, shape in expected.items() if len(shape) > 1]
    random = [key for key in kernels if key in unfit]
    if len(random) > (1 - share) * len(kernels):
        raise UserError(
            f'{subject} of another network: {len(random)} of the {len(kernels)} kernels of the '
            f'{part} of the model would stay random, such as {random[0]}; {advice}. If a part of '
            "the weights is meant, set 'initial_share' of CheckpointMatchHook"
        )
