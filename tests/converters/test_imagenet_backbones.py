"""ImageNet weights of other frameworks: files that are written here byte by byte, and networks."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from safetensors.torch import save_file
from torch import Tensor, nn

from label_efficient_seg.converters import (
    convert_affinitynet,
    convert_caffe_vgg16,
    convert_mxnet_resnet38,
    convert_vgg16,
    read_mxnet_params,
)
from label_efficient_seg.engine.initial_weights import check_initial_weights
from tests.converters.released_affinitynet import VGG, released

# How the array with the shape (2, 3) begins in files of MXNet 0.x, 0.12, 1.x and 2.
HEADERS = [
    struct.pack('<III', 2, 2, 3),
    struct.pack('<IIqq', 0xF993FAC8, 2, 2, 3),
    struct.pack('<IiIqq', 0xF993FAC9, 0, 2, 2, 3),
    struct.pack('<IiIqq', 0xF993FACA, 0, 2, 2, 3),
]


def write_params(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """A parameter file as MXNet 0.x wrote it."""
    content = struct.pack('<QQQ', 0x112, 0, len(arrays))
    for array in arrays.values():
        content += struct.pack(f'<I{array.ndim}I', array.ndim, *array.shape)
        content += struct.pack('<iii', 1, 0, 0) + array.astype('<f4').tobytes()
    content += struct.pack('<Q', len(arrays))
    for name in arrays:
        content += struct.pack('<Q', len(name)) + name.encode()
    path.write_bytes(content)


def mxnet_weights() -> tuple[dict[str, np.ndarray], dict[str, Tensor]]:
    """Weights of a narrow ResNet-38 as MXNet and as AffinityNet's release name them."""
    tensors = dict(weight='arg:{}_gamma', bias='arg:{}_beta',
                   running_mean='aux:{}_moving_mean', running_var='aux:{}_moving_var')  # fmt: skip
    official, renamed = released('res38', 'cls'), {}
    for name, value in official.items():
        *block, layer, tensor = name.split('.')
        if tensor == 'num_batches_tracked' or layer == 'fc8':
            continue
        if block:  # b4_5.bn_branch2a is bn4b5_branch2a, b4.conv_branch1 is res4a_branch1
            stage, _, number = block[0].removeprefix('b').partition('_')
            kind, branch = layer.split('_')
            unit = f'{stage}b{number}' if number else f'{stage}a'
            layer = f'{"bn" if kind == "bn" else "res"}{unit}_{branch}'
        pattern = tensors[tensor] if layer.startswith('bn') else 'arg:{}_weight'
        renamed[pattern.format(layer)] = value.numpy()
    assert {'arg:conv1a_weight', 'arg:res4b5_branch2b1_weight', 'aux:bn7_moving_var',
            'arg:res7a_branch1_weight', 'arg:bn6a_branch2b2_gamma'} <= renamed.keys()  # fmt: skip
    renamed['arg:linear1000_weight'] = np.zeros((7, 256), np.float32)
    renamed['arg:linear1000_bias'] = np.zeros(7, np.float32)
    return renamed, official


def test_the_tool_reads_a_file_of_mxnet(les, tmp_path, capsys):
    source, target = tmp_path / 'a.params', tmp_path / 'new' / 'b.pth'
    params, official = mxnet_weights()
    write_params(source, params)
    assert les('convert', 'mxnet-resnet38', source, target) == 0
    model = "{'backbone': {'type': 'ResNet38', 'base_channels': 4}}"
    printed = f'note: left out: the classifier\nmodel = {model}\n{target}\n'
    assert capsys.readouterr().out == printed
    checkpoint = torch.load(target, weights_only=True)
    assert checkpoint['meta']['model'] == dict(backbone=dict(type='ResNet38', base_channels=4))

    pretrained = dict(type='Pretrained', checkpoint=str(target))
    backbone = MODELS.build(dict(type='ResNet38', base_channels=4, init_cfg=pretrained))
    backbone.init_weights()
    expected = convert_affinitynet(official, 'ours').weights
    for name, tensor in backbone.state_dict().items():
        counter = name.endswith('num_batches_tracked')
        assert torch.equal(tensor, torch.tensor(0) if counter else expected[f'backbone.{name}'])


@pytest.mark.parametrize('header', HEADERS)
@pytest.mark.parametrize(('kind', 'dtype'), [(0, 'f4'), (1, 'f8'), (2, 'f2'), (4, 'i4')])
def test_all_versions_of_the_format_are_read(tmp_path, header, kind, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    content = struct.pack('<QQQ', 0x112, 0, 1) + header + struct.pack('<iii', 2, 1, kind)
    content += array.tobytes() + struct.pack('<QQ', 1, 1) + b'x'
    (tmp_path / 'a.params').write_bytes(content)
    (found,) = read_mxnet_params(tmp_path / 'a.params').values()
    assert found.dtype == torch.from_numpy(array).dtype and found.tolist() == array.tolist()


BEGINNING = struct.pack('<QQQ', 0x112, 0, 1)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'PK\3\4' + bytes(20), 'it begins otherwise'),
        (b'', 'it ends after 0 bytes'),
        (BEGINNING + struct.pack('<IiIqq', 0xF993FAC9, 1, 2, 2, 3), 'it has a sparse array'),
        (BEGINNING + struct.pack('<III', 2, 2, 3) + struct.pack('<iii', 1, 0, 9), 'and type 9'),
        (BEGINNING + struct.pack('<I', 10**9), 'it ends after'),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / 'a.params').write_bytes(content)
    with pytest.raises(ValueError, match=f'a.params.* no complete parameter file .*: .*{message}'):
        read_mxnet_params(tmp_path / 'a.params')


def test_files_that_are_cut_off_are_refused(tmp_path):
    path = tmp_path / 'a.params'
    write_params(path, dict(x=np.ones((2, 3)), y=np.ones(4)))
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match='no complete parameter file'):
            read_mxnet_params(path)


def test_another_network_of_mxnet_is_refused():
    params = {name: torch.from_numpy(value) for name, value in mxnet_weights()[0].items()}
    params['arg:res4b6_branch2a_weight'] = params.pop('arg:res4b5_branch2a_weight')
    with pytest.raises(ValueError, match=r'missing: arg:res4b5_\w+; unknown: arg:res4b6_'):
        convert_mxnet_resnet38(params)
    with pytest.raises(ValueError, match='so nothing was converted; .*: arg:conv1a_weight'):
        convert_mxnet_resnet38({})


def torchvision_vgg16(base: int = 2) -> nn.Module:
    """torchvision's network, narrow."""
    torch.manual_seed(1)
    features, inputs = nn.Sequential(), 3
    for multiples in VGG:
        for multiple in multiples:
            features.append(nn.Conv2d(inputs, multiple * base, 3, padding=1)).append(nn.ReLU())
            inputs = multiple * base
        features.append(nn.MaxPool2d(2))
    width = 64 * base
    layers = nn.Linear(inputs * 49, width), nn.ReLU(), nn.Dropout(), nn.Linear(width, width)
    classifier = nn.Sequential(*layers, nn.ReLU(), nn.Dropout(), nn.Linear(width, 10))
    return nn.ModuleDict(dict(features=features, classifier=classifier)).eval()


@torch.no_grad()
def test_vgg16_up_to_its_first_pooling_and_its_subsampled_layers():
    network = torchvision_vgg16()
    conversion = convert_vgg16(network.state_dict())
    backbone = MODELS.build(dict(conversion.model['backbone'], out_indices=(0, 4, 5))).eval()
    backbone.load_state_dict(conversion.weights, strict=True)

    rgb = torch.randint(0, 256, (1, 3, 40, 56)).float()
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 1, 3, 1, 1)
    first, conv5, fc7 = backbone((rgb - 255 * mean).flip(1))
    expected = network['features'][:4]((rgb / 255 - mean) / std)
    assert expected.std() > 0.05
    torch.testing.assert_close(first, expected, rtol=0, atol=1e-5)

    # fc6 at the centre of 3x3 positions: torchvision's fc6 of a 7x7 map with zeros in between.
    spread = torch.zeros(1, conv5.shape[1], 7, 7)
    spread[..., ::3, ::3] = conv5[..., 1:4, 1:4]
    fc6 = network['classifier'][0](spread.flatten(1))[:, ::4].relu()
    assert fc6.std() > 1e-3
    second = network['classifier'][3]
    expected = F.linear(fc6, second.weight[::4, ::4], second.bias[::4]).relu()
    torch.testing.assert_close(fc7[..., 2, 2], expected, rtol=0, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize('kind', ['DilatedVGG16', 'DeconvNetVGG'])
def test_convolutions_from_caffe_up_to_the_first_pooling(les, tmp_path, kind):
    network = torchvision_vgg16()
    weights = {name: tensor.half() for name, tensor in network['features'].state_dict().items()}
    save_file(
        {f'features.{name}': tensor for name, tensor in weights.items()},
        tmp_path / 'hed.safetensors',
    )
    les('convert', 'caffe-vgg16', tmp_path / 'hed.safetensors', tmp_path / 'hed.pth')
    network['features'].load_state_dict(weights)
    pretrained = dict(type='Pretrained', checkpoint=str(tmp_path / 'hed.pth'))
    backbone = MODELS.build(dict(type=kind, base_channels=2, frozen_stages=4, init_cfg=pretrained))
    check_initial_weights(backbone)
    backbone.init_weights()
    images = 50 * torch.randn(1, 3, 48, 64)
    # Four stages of the one have the poolings of torchvision, one stage of the other.
    if kind == 'DeconvNetVGG':
        expected = network['features'][:24](images)
        outputs = []
        backbone.features[33].register_forward_hook(lambda *call: outputs.append(call[-1][0]))
        backbone.train()(images.expand(2, -1, -1, -1))
        found = outputs[0][:1]
    else:
        expected = network['features'][:4](images)
        backbone.out_indices = (0,)
        found = backbone(images)[0]
    assert expected.std() > 1e-2
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_convolutions_of_other_networks_are_refused():
    weights = torchvision_vgg16().state_dict()
    del weights['features.28.bias']
    with pytest.raises(ValueError, match='so nothing was converted; .*missing: features.28.bias'):
        convert_caffe_vgg16(weights)


def test_other_networks_than_vgg16_are_refused():
    weights = torchvision_vgg16().state_dict()
    del weights['features.28.bias']
    weights['features.29.weight'] = torch.zeros(1)
    with pytest.raises(ValueError, match=r'missing: features.28.bias; unknown: features.29.weight'):
        convert_vgg16(weights)
    with pytest.raises(ValueError, match='so nothing was converted; .*: features.0.weight'):
        convert_vgg16(released('vgg', 'cls'))


def test_torchvisions_own_network_is_accepted():
    torchvision = pytest.importorskip('torchvision')
    with torch.device('meta'):
        weights = torchvision.models.vgg16(weights=None).state_dict()
    weights['features.0.weight'] = torch.zeros(64, 3, 3, 3)  # is divided by real numbers
    conversion = convert_vgg16(weights)
    with torch.device('meta'):
        expected = MODELS.build(dict(type='DilatedVGG16')).state_dict()
    assert conversion.model == dict(backbone=dict(type='DilatedVGG16'))
    shapes = {name: tensor.shape for name, tensor in conversion.weights.items()}
    assert shapes == {name: tensor.shape for name, tensor in expected.items()}


@pytest.mark.parametrize('fault', ['absent', 'cut off', 'no weights'])
def test_nothing_is_written_when_the_tool_fails(les, tmp_path, capsys, fault):
    source = tmp_path / ('a.pth' if fault == 'no weights' else 'a.params')
    if fault == 'cut off':
        write_params(source, dict(x=np.ones(4)))
        source.write_bytes(source.read_bytes()[:-1])
    elif fault == 'no weights':
        torch.save(dict(weight=torch.zeros(1)), source)
    kind = 'torchvision-vgg16' if fault == 'no weights' else 'mxnet-resnet38'
    before = os.listdir(tmp_path)
    assert les('convert', kind, source, tmp_path / 'b.pth') == 1
    message = capsys.readouterr().err
    assert message.startswith('error: ') and str(source) in message
    assert os.listdir(tmp_path) == before
