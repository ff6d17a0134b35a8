from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..core.errors import UserError
from .conversion import Conversion, check_tensors, convert_checkpoint, output_width, without_wrapper

# The release's names of the convolutions of a ResNet-38 block's main branch.
BRANCHES = ('2a', '2b1', '2b2')


def official_name(name: str) -> str:
    """AffinityNet's released name of one of this project's tensors.

    Args:
        name (str): Of a classifier or an ``AffinityNet`` with ``ResNet38`` or ``DilatedVGG16``.
    """
    match name.split('.'):
        case 'backbone', 'stages', stage, block, kind, *index, tensor:
            unit = f'b{int(stage) + 2}' + (f'_{block}' if block != '0' else '')
            layer = 'bn' if kind == 'norms' else 'conv'
            branch = '1' if kind == 'shortcut' else BRANCHES[int(index[0])]
            return f'{unit}.{layer}_branch{branch}.{tensor}'
        case 'backbone', layer, tensor:
            return f'{dict(conv1="conv1a", norm="bn7").get(layer, layer)}.{tensor}'
        case 'head', 'classifier', tensor:
            return f'fc8.{tensor}'
        case 'decode_head', 'fuse', tensor:
            return f'f9.{tensor}'
        case 'decode_head', kind, level, tensor:
            return f'{dict(reduce="f8", norms="gn8")[kind]}_{int(level) + 3}.{tensor}'
    raise UserError(f'AffinityNet has no tensor like {name!r}')


def convert_affinitynet(state_dict: Mapping[str, Tensor], to: str) -> Conversion:
    """Rename the weights of AffinityNet's release for this project's networks, or back.

    There are two networks, the classifier that CAMs are made with and the affinity network, each
    with ResNet-38 or VGG-16. Which one it is, its widths and its number of classes are read off the
    tensors. The networks compute the same.

    Args:
        state_dict (Mapping[str, Tensor]): Weights; all names may begin with ``module.``. Batch
            counters (``num_batches_tracked``), which files from before PyTorch 0.4.1 lack, may be
            absent and become 0, as PyTorch itself does.
        to (str): ``'ours'`` or ``'official'``.

    Returns:
        Conversion: The same tensors under new names. ``model`` has a ``backbone`` and, for a
        classifier, the ``head`` of an ``ImageClassifier`` and a ``CAMSegmentor``; for an
        ``AffinityNet``, its ``decode_head``.

    Raises:
        ValueError: If names or shapes are not those of the network; it lists them.
    """
    if to not in ('ours', 'official'):
        raise UserError(f"to={to!r} must be 'ours' or 'official'")
    state_dict = without_wrapper(state_dict)
    spell = official_name if to == 'ours' else str  # the state dict's name for ours
    try:
        model = _infer_model(state_dict, spell)
        with torch.device('meta'):  # names and shapes only
            parts = torch.nn.ModuleDict({part: MODELS.build(cfg) for part, cfg in model.items()})
        expected = parts.state_dict()
        check_tensors(state_dict, {spell(name): tensor for name, tensor in expected.items()})
    except ValueError as error:
        raise UserError(
            "the weights are not those of AffinityNet's classifier or affinity network, with "
            f'ResNet-38 or VGG-16, that can be converted to {to!r}, so nothing was; {error}'
        ) from error
    weights = {}
    for name, empty in expected.items():
        found = state_dict.get(spell(name))
        tensor = torch.zeros(empty.shape, dtype=empty.dtype) if found is None else found
        weights[name if to == 'ours' else official_name(name)] = tensor
    return Conversion(weights, model, [])


def convert_affinitynet_file(source: str | Path, target: str | Path, to: str) -> Conversion:
    """Convert a checkpoint file with :func:`convert_affinitynet`.

    Args:
        source (str | Path): ``.pth`` or ``.safetensors`` file with the state dict, at its top or
            under ``state_dict`` or ``model``.
        target (str | Path): ``.pth`` file to write. It is complete or absent, also when this fails.
            To ours, it is a checkpoint whose ``meta`` says where the weights come from and has the
            config of the model; to official, a bare state dict, as the released code loads it.
        to (str): ``'ours'`` or ``'official'``.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If ``source`` cannot be read safely or holds another network, or if ``target``
            does not end in ``.pth``.
    """
    meta = {} if to == 'ours' else None
    return convert_checkpoint(source, target, partial(convert_affinitynet, to=to), meta)


def _infer_model(state_dict: Mapping[str, Tensor], spell: Callable[[str], str]) -> dict:
    """Config of the networks that tensors belong to, read off their names and widths.

    Raises:
        ValueError: If there is no such network.
    """

    def width(name: str) -> int:
        return output_width(state_dict, spell(name))

    is_vgg = spell('backbone.conv1_1.weight') in state_dict
    backbone: dict = dict(type='DilatedVGG16' if is_vgg else 'ResNet38')
    base = width('backbone.conv1_1.weight' if is_vgg else 'backbone.conv1.weight')
    if base != 64:
        backbone['base_channels'] = base
    levels = tuple(base * multiple for multiple in ((8, 8, 16) if is_vgg else (8, 16, 64)))
    if spell('head.classifier.weight') in state_dict:
        classes = width('head.classifier.weight')
        cam_head = dict(type='CAMClsHead', in_channels=levels[-1], num_classes=classes)
        return dict(backbone=backbone, head=cam_head)
    if is_vgg:
        backbone['fc6_dilation'] = 4
    channels = tuple(width(f'decode_head.reduce.{level}.weight') for level in range(3))
    head: dict = dict(type='AffinityHead', in_channels=levels, channels=channels)
    if is_vgg:
        head['norm_cfg'] = dict(type='GN')
    return dict(backbone=backbone, decode_head=head)
