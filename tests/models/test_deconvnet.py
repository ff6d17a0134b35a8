"""Backbone and head of DeconvNet together, against the published network in plain functions."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from label_efficient_seg.models.decode_heads import deconvnet_head
from tests.models.plain_deconvnet import LAYERS, scores_of, small

BASES = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'models'


def layers_of(model: EncoderDecoder) -> dict[str, list[nn.Module]]:
    """The convolution of each name, and its norm if it has one."""
    layers = []
    for part in (model.backbone, model.decode_head.fc6_deconv, model.decode_head.stages):
        for module in part.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                layers.append([module])
            elif isinstance(module, nn.BatchNorm2d):
                layers[-1].append(module)
    layers.append([model.decode_head.conv_seg])
    return {name: layer for (name, *_), layer in zip(LAYERS, layers, strict=True)}


def plain_scores(model: EncoderDecoder, images: Tensor) -> Tensor:
    layers = layers_of(model)

    def layer(x: Tensor, name: str) -> Tensor:
        conv, *norm = layers[name]
        convolve = F.conv_transpose2d if 'deconv' in name else F.conv2d
        padding = 0 if name.startswith(('fc', 'seg')) else 1
        x = convolve(x, conv.weight, conv.bias, padding=padding)
        for n in norm:
            x = (x - n.running_mean[:, None, None]) / (n.running_var[:, None, None] + n.eps).sqrt()
            x = F.relu(x * n.weight[:, None, None] + n.bias[:, None, None])
        return x

    return scores_of(layer, images)


@torch.no_grad()
@pytest.mark.parametrize(
    ('kernel_size', 'size'),
    [(3, (96, 128)), (3, (97, 131)), (3, (65, 66)), (7, (224, 224)), (7, (193, 251)), (1, (5, 33))],
)
def test_equals_plain_network(kernel_size, size):
    model = small(kernel_size=kernel_size).double()
    images = torch.randn(1, 3, *size, dtype=torch.float64)
    expected = plain_scores(model, images)
    assert expected.std() > 0.1
    found = model(images)
    assert found.shape == (1, 5, *size)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize('kernel_size', [1, 2, 5])
def test_transposed_convolution_as_a_convolution(kernel_size):
    expected = nn.ConvTranspose2d(3, 4, kernel_size, padding=kernel_size // 3).double()
    found = deconvnet_head.Deconvolution(3, 4, kernel_size, padding=kernel_size // 3).double()
    found.load_state_dict(expected.state_dict())
    x = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    torch.testing.assert_close(found(x), expected(x), rtol=0, atol=1e-12)


@torch.no_grad()
def test_unpools_the_same_with_deterministic_algorithms_and_with_channels_last():
    model = small().double()
    images = torch.randn(2, 3, 65, 98, dtype=torch.float64)
    expected = model(images)
    torch.use_deterministic_algorithms(True)
    try:
        found = model(images)
    finally:
        torch.use_deterministic_algorithms(False)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    found = model.to(memory_format=torch.channels_last)(images)
    assert not found.is_contiguous()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_published_size_and_shapes():
    cfg = Config.fromfile(BASES / 'deconvnet_vgg16.py').model
    with torch.device('meta'):
        model = MODELS.build(cfg).eval()
        found = []
        for layer, *_ in layers_of(model).values():
            layer.register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[1:])))
        scores = model(torch.empty(1, 3, 224, 224))
    assert found == [(channels, size, size) for _, channels, size in LAYERS]
    assert scores.shape == (1, 21, 224, 224)
    # 252 million: weights and bias of each convolution, scale and shift after all but the last.
    inputs = (3, *(channels for _, channels, _ in LAYERS[:-1]))
    kernels = {'fc6': 49, 'fc7': 1, 'fc6-deconv': 49, 'seg-score-voc': 1}
    expected = sum(
        (i * kernels.get(name, 9) + (1 if name == 'seg-score-voc' else 3)) * o
        for i, (name, o, _) in zip(inputs, LAYERS, strict=True)
    )
    assert sum(p.numel() for p in model.parameters()) == expected == 251_805_653


def test_the_toy_network_is_a_small_one():
    model = MODELS.build(Config.fromfile(BASES / 'deconvnet_toy.py').model).eval()
    assert sum(p.numel() for p in model.parameters()) < 6e6
    assert model.backbone(torch.zeros(1, 3, 96, 96))[-1].shape == (1, 1024, 1, 1)
    assert model(torch.zeros(1, 3, 97, 128)).shape == (1, 7, 97, 128)


@torch.no_grad()
def test_maps_smaller_than_fc6_are_padded():
    model = small(kernel_size=3)
    images = torch.randn(1, 3, 40, 90)  # 2x3 positions after the fifth pooling
    *poolings, fc7 = model.backbone(images)
    assert poolings[-1].switches.shape == (1, 16, 2, 3) and fc7.shape == (1, 128, 1, 1)
    x = images
    for layer in model.backbone.features:
        x = layer(x)[0] if isinstance(layer, nn.MaxPool2d) else layer(x)
    fc6 = model.backbone.fc6(torch.cat([x, torch.zeros(1, 16, 1, 3)], dim=2))
    assert torch.equal(fc7, model.backbone.fc7(fc6))
    assert model(images).shape == (1, 5, 40, 90)


def metas(*size: int) -> list[dict]:
    return [dict(ori_shape=size, img_shape=size, pad_shape=size)]


@torch.no_grad()
def test_whole_and_sliding_inference():
    size, crop = (64, 96), (64, 64)
    images = torch.randn(1, 3, *size)
    whole = small(test_cfg=dict(mode='whole'))
    torch.testing.assert_close(whole.encode_decode(images, metas(*size)), whole(images))
    slide = small(test_cfg=dict(mode='slide', crop_size=crop, stride=(32, 32)))
    slide.load_state_dict(whole.state_dict())
    left, right = whole(images[..., :64]), whole(images[..., 32:])
    both = (left[..., 32:] + right[..., :32]) / 2
    expected = torch.cat([left[..., :32], both, right[..., 32:]], dim=3)
    torch.testing.assert_close(slide.inference(images, metas(*size)), expected)


def test_loss_reaches_every_parameter():
    model = small().train()
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.randint(0, 5, (1, 97, 80))))
    losses = model.loss(torch.randn(2, 3, 97, 80), [sample, sample])
    losses['decode.loss_ce'].backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # A convolution's bias has no effect before batch norm, but for rounding.
    assert all(name.endswith('.bias') for name in idle)


@torch.no_grad()
def test_onnx_gives_the_same_at_any_size(tmp_path):
    pytest.importorskip('onnx')
    runtime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')  # PyTorch exports through it
    model = small()
    path = tmp_path / 'deconvnet.onnx'
    dims = {axis: torch.export.Dim(f'axis{axis}', min=65) for axis in (2, 3)}
    example = (torch.randn(1, 3, 97, 131),)
    torch.onnx.export(model, example, path, dynamic_shapes=(dims,), dynamo=True)
    session = runtime.InferenceSession(path, providers=['CPUExecutionProvider'])
    for size in [(97, 131), (128, 96), (65, 200)]:
        images = torch.randn(1, 3, *size)
        (found,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
        expected = model(images)
        assert expected.std() > 0.1
        torch.testing.assert_close(torch.from_numpy(found), expected, rtol=0, atol=1e-4)
