import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from label_efficient_seg.models.backbones import DeconvNetVGG

torchvision = pytest.importorskip('torchvision')

WIDTH = 2
LEVELS = (1, 2, 4, 8, 8)


def narrow_vgg16(batch_norm: bool = True) -> nn.Module:
    """torchvision's network up to the ReLU after its second fully connected layer."""
    layers = [
        x for n, w in zip((2, 2, 3, 3, 3), LEVELS, strict=True) for x in [w * WIDTH] * n + ['M']
    ]
    features = torchvision.models.vgg.make_layers(layers, batch_norm)
    width = 64 * WIDTH
    classifier = nn.Sequential(
        nn.Linear(8 * WIDTH * 49, width), nn.ReLU(), nn.Dropout(),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(), nn.Linear(width, 10),
    )  # fmt: skip
    network = nn.ModuleDict(dict(features=features, classifier=classifier))
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.running_mean, std=0.1)
            nn.init.uniform_(norm.running_var, 0.05, 0.5)
    return network.eval()


@torch.no_grad()
def test_torchvisions_weights_load_by_name(tmp_path):
    network = narrow_vgg16()
    torch.save(network.state_dict(), tmp_path / 'vgg16_bn.pth')
    pretrained = dict(type='Pretrained', checkpoint=str(tmp_path / 'vgg16_bn.pth'))
    backbone = MODELS.build(dict(type='DeconvNetVGG', base_channels=WIDTH, init_cfg=pretrained))
    backbone.init_weights()
    images = torch.randn(2, 3, 224, 224)
    expected = network['classifier'][:5](network['features'](images).flatten(1))
    assert expected.std() > 1e-2
    found = backbone.eval()(images)[-1]
    # Batch norms without effect follow the fully connected layers, but for the 1e-5 they add.
    torch.testing.assert_close(found.flatten(1), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_weights_without_batch_norm_load_too(tmp_path):
    network = narrow_vgg16(batch_norm=False)
    torch.save(network.state_dict(), tmp_path / 'vgg16.pth')
    pretrained = dict(type='Pretrained', checkpoint=str(tmp_path / 'vgg16.pth'))
    backbone = MODELS.build(dict(type='DeconvNetVGG', base_channels=WIDTH, init_cfg=pretrained))
    backbone.init_weights()
    images = torch.randn(2, 3, 224, 224)
    expected = network['classifier'][:5](network['features'](images).flatten(1))
    assert expected.std() > 1e-3
    torch.testing.assert_close(
        backbone.eval()(images)[-1].flatten(1), expected, rtol=1e-4, atol=1e-5
    )


def test_frozen_stages_are_those_before_their_pooling_and_keep_their_statistics():
    backbone = DeconvNetVGG(WIDTH, 1, frozen_stages=2).train()
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    backbone(torch.randn(2, 3, 64, 64))[-1].sum().backward()
    trained = {
        name for name, parameter in backbone.named_parameters() if parameter.grad is not None
    }
    # Of 2 and 2 convolutions, each with batch norm and ReLU, and of two poolings.
    frozen = tuple(f'features.{place}.' for place in range(14))
    expected = {name for name, _ in backbone.named_parameters() if not name.startswith(frozen)}
    assert trained == expected
    moved = {
        name
        for name, tensor in backbone.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert moved == {
        name
        for name in before
        if name.endswith(('mean', 'var', 'tracked')) and not name.startswith(frozen)
    }
    assert not any(p.requires_grad for p in backbone.train().features[:14].parameters())
    with pytest.raises(ValueError, match='has 5 stages, got 6 frozen_stages'):
        DeconvNetVGG(frozen_stages=6)


def test_torchvisions_own_network_fits():
    with torch.device('meta'):
        weights = torchvision.models.vgg16_bn(weights=None).state_dict()
        backbone = DeconvNetVGG()
    missing, unexpected = backbone.load_state_dict(weights, strict=False, assign=True)
    assert sorted(unexpected) == ['classifier.6.bias', 'classifier.6.weight']
    assert len(missing) == 8 and all(name.startswith(('fc6.1.', 'fc7.1.')) for name in missing)
    assert 'classifier.0.weight' in weights  # what was given is as before


def test_own_weights_load_strictly_as_part_of_a_model():
    source, target = (nn.ModuleDict(dict(backbone=DeconvNetVGG(1, 1))) for _ in range(2))
    target.load_state_dict(source.state_dict(), strict=True)
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name])


def test_switches_are_those_of_the_maps_that_were_pooled():
    backbone = DeconvNetVGG(WIDTH, 1)
    inputs = []
    for layer in backbone.features:
        if isinstance(layer, nn.MaxPool2d):
            layer.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    *poolings, _ = backbone(torch.randn(2, 3, 37, 70))
    assert [pooling.size for pooling in poolings] == [(37, 70), (19, 35), (10, 18), (5, 9), (3, 5)]
    for pooling, x, level in zip(poolings, inputs, LEVELS, strict=True):
        assert pooling.size == x.shape[2:]
        rows, columns = ((length + 1) // 2 for length in pooling.size)
        assert pooling.switches.shape == (2, level * WIDTH, rows, columns)
        maxima = x.flatten(2).gather(2, pooling.switches.flatten(2)).view(pooling.switches.shape)
        torch.testing.assert_close(maxima, nn.functional.max_pool2d(x, 2, ceil_mode=True))


def test_other_heads_take_fc7():
    head = dict(type='FCNHead', in_channels=64, channels=2, num_convs=1, num_classes=3)
    backbone = dict(type='DeconvNetVGG', base_channels=1, fc6_kernel_size=2)
    segmentor = MODELS.build(dict(type='EncoderDecoder', backbone=backbone, decode_head=head))
    assert segmentor.eval()(torch.randn(1, 3, 96, 130)).shape == (1, 3, 2, 4)
