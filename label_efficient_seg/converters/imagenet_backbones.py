"""ImageNet weights that AffinityNet's backbones start from."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from mmseg.registry import MODELS
from torch import Tensor

from ..core.errors import UserError
from .conversion import Conversion, check_tensors, convert_checkpoint, output_width, read_weights
from .mxnet_params import read_mxnet_params

# What MXNet calls the tensors of a batch norm.
NORM_TENSORS = dict(
    weight=('arg', 'gamma'),
    bias=('arg', 'beta'),
    running_mean=('aux', 'moving_mean'),
    running_var=('aux', 'moving_var'),
)
BRANCHES = ('2a', '2b1', '2b2')
# Number of torchvision's features.* of each of DilatedVGG16's convolutions.
VGG_CONVOLUTIONS = {
    'conv1_1': 0, 'conv1_2': 2, 'conv2_1': 5, 'conv2_2': 7, 'conv3_1': 10, 'conv3_2': 12,
    'conv3_3': 14, 'conv4_1': 17, 'conv4_2': 19, 'conv4_3': 21, 'conv5_1': 24, 'conv5_2': 26,
    'conv5_3': 28,
}  # fmt: skip
TORCHVISION_STD = (0.229, 0.224, 0.225)


def convert_mxnet_resnet38(params: Mapping[str, Tensor]) -> Conversion:
    """Rename the weights of the published ResNet-38 (model A1) for ``ResNet38``.

    Both take RGB images, divided by 255 and normalised by ImageNet's means and deviations.

    Args:
        params (Mapping[str, Tensor]): Weights of ``ilsvrc-cls_rna-a1_cls1000_ep-0001.params``; see
            :func:`read_mxnet_params`.

    Returns:
        Conversion: The same tensors under the backbone's names, and batch counters of 0. The
        classifier is left out.

    Raises:
        ValueError: If names or shapes are not those of the network; it lists them.
    """
    params = {name: value for name, value in params.items() if not name.startswith('arg:linear')}
    try:
        model = _with_width('ResNet38', output_width(params, 'arg:conv1a_weight'))
        expected = _tensors(model)
        names = {n: _mxnet_name(n) for n in expected if not n.endswith('num_batches_tracked')}
        check_tensors(params, {mxnet: expected[name] for name, mxnet in names.items()})
    except ValueError as error:
        raise UserError(
            f'the weights are not those of ResNet-38, so nothing was converted; {error}'
        ) from error
    weights = {
        name: params[names[name]] if name in names else torch.zeros((), dtype=torch.long)
        for name in expected
    }
    return Conversion(weights, dict(backbone=model), ['left out: the classifier'])


def convert_vgg16(state_dict: Mapping[str, Tensor]) -> Conversion:
    """Turn the weights of torchvision's ``vgg16`` into those of ``DilatedVGG16``.

    As in DeepLab, fc6 becomes a 3x3 convolution by taking every third of its 7x7 positions, and fc6
    and fc7 keep every fourth of their channels. The first convolution is changed such that images
    are BGR from 0 to 255 minus the mean, without a standard deviation, as for weights from Caffe.

    Args:
        state_dict (Mapping[str, Tensor]): Weights, ``features.*`` and ``classifier.*``.

    Returns:
        Conversion: Weights under the backbone's names. The classifier's last layer is left out.

    Raises:
        ValueError: If names or shapes are not those of ``vgg16``; it lists them.
    """
    found = {n: value for n, value in state_dict.items() if not n.startswith('classifier.6.')}
    try:
        base = output_width(found, 'features.0.weight')
        model = _with_width('DilatedVGG16', base)
        check_tensors(found, _torchvision_vgg16(_tensors(model), base))
    except ValueError as error:
        raise UserError(
            "the weights are not those of torchvision's vgg16 without batch norm, so nothing was "
            f'converted; {error}'
        ) from error
    weights = {
        f'{name}.{kind}': found[f'features.{number}.{kind}']
        for name, number in VGG_CONVOLUTIONS.items()
        for kind in ('weight', 'bias')
    }
    scale = 255 * torch.tensor(TORCHVISION_STD).view(3, 1, 1)
    weights['conv1_1.weight'] = (weights['conv1_1.weight'] / scale).flip(1)
    fc6 = found['classifier.0.weight'].unflatten(1, (8 * base, 7, 7))
    weights['fc6.weight'] = fc6[::4, :, ::3, ::3].contiguous()
    weights['fc6.bias'] = found['classifier.0.bias'][::4].clone()
    weights['fc7.weight'] = found['classifier.3.weight'][::4, ::4, None, None].contiguous()
    weights['fc7.bias'] = found['classifier.3.bias'][::4].clone()
    notes = [
        'left out: 40 of 49 positions of fc6, 3 of 4 channels of fc6 and fc7, and classifier.6'
    ]
    return Conversion(weights, dict(backbone=model), notes)


def convert_caffe_vgg16(state_dict: Mapping[str, Tensor]) -> Conversion:
    """Give the convolutions of a VGG-16 that was trained by Caffe the names that Caffe has.

    They take BGR images from 0 to 255 minus the mean, as the configs of ``DilatedVGG16`` make them.

    Args:
        state_dict (Mapping[str, Tensor]): Weights under the names of torchvision's ``vgg16``, in
            any precision, such as those of HED. Fully connected layers are left out.

    Returns:
        Conversion: ``conv1_1.weight`` to ``conv5_3.bias``, in single precision, for
        ``DilatedVGG16`` or ``DeconvNetVGG``.

    Raises:
        ValueError: If names or shapes are not those of ``vgg16``; it lists them.
    """
    found = {n: value for n, value in state_dict.items() if n.startswith('features.')}
    names = {
        f'{name}.{kind}': f'features.{number}.{kind}'
        for name, number in VGG_CONVOLUTIONS.items()
        for kind in ('weight', 'bias')
    }
    try:
        model = _with_width('DilatedVGG16', output_width(found, 'features.0.weight'))
        ours = _tensors(model)
        check_tensors(found, {theirs: ours[name] for name, theirs in names.items()})
    except ValueError as error:
        raise UserError(
            'the weights are not the convolutions of a VGG-16 without batch norm, so nothing was '
            f'converted; {error}'
        ) from error
    weights = {name: found[theirs].float() for name, theirs in names.items()}
    return Conversion(weights, dict(backbone=model), ['left out: fully connected layers'])


Reader = Callable[[str | Path], Mapping[str, Tensor]]
Converter = Callable[[Mapping[str, Tensor]], Conversion]
BACKBONES: dict[str, tuple[Reader, Converter]] = {
    'mxnet-resnet38': (read_mxnet_params, convert_mxnet_resnet38),
    'caffe-vgg16': (read_weights, convert_caffe_vgg16),
    'torchvision-vgg16': (read_weights, convert_vgg16),
}


def convert_backbone_file(source: str | Path, target: str | Path, kind: str) -> Conversion:
    """Convert a file of ImageNet weights.

    Args:
        source (str | Path): ``.params`` file for MXNet, ``.pth`` or ``.safetensors`` otherwise.
        target (str | Path): ``.pth`` file to write, for the backbone's
            ``init_cfg=dict(type='Pretrained', checkpoint=...)``.
        kind (str): A key of :data:`BACKBONES`.

    Returns:
        Conversion: What was written.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        ValueError: If ``source`` cannot be read or holds another network, or if ``target`` does not
            end in ``.pth``.
    """
    read, convert = BACKBONES[kind]
    return convert_checkpoint(source, target, convert, {}, read)


def _with_width(kind: str, base: int) -> dict:
    return dict(type=kind) if base == 64 else dict(type=kind, base_channels=base)


def _tensors(backbone: dict) -> dict[str, Tensor]:
    """Names and shapes of a backbone's tensors."""
    with torch.device('meta'):
        return MODELS.build(backbone).state_dict()


def _mxnet_name(name: str) -> str:
    """The name in MXNet of one of the tensors of ``ResNet38`` that is no batch counter."""
    match name.split('.'):
        case 'conv1', tensor:
            return f'arg:conv1a_{tensor}'
        case 'norm', tensor:
            layer, is_norm = 'bn7', True
        case 'stages', stage, block, kind, *index, tensor:
            is_norm = kind == 'norms'
            unit = f'{int(stage) + 2}' + (f'b{block}' if block != '0' else 'a')
            branch = '1' if kind == 'shortcut' else BRANCHES[int(index[0])]
            layer = f'{"bn" if is_norm else "res"}{unit}_branch{branch}'
    group, tensor = NORM_TENSORS[tensor] if is_norm else ('arg', tensor)
    return f'{group}:{layer}_{tensor}'


def _torchvision_vgg16(ours: Mapping[str, Tensor], base: int) -> dict[str, Tensor]:
    """Names and shapes in torchvision of the tensors that ``DilatedVGG16`` is made of."""
    expected = {
        f'features.{number}.{kind}': ours[f'{name}.{kind}']
        for name, number in VGG_CONVOLUTIONS.items()
        for kind in ('weight', 'bias')
    }
    width = 4 * len(ours['fc6.bias'])
    with torch.device('meta'):
        expected['classifier.0.weight'] = torch.empty(width, 8 * base * 7 * 7)
        expected['classifier.3.weight'] = torch.empty(width, width)
        expected['classifier.0.bias'] = expected['classifier.3.bias'] = torch.empty(width)
    return expected
