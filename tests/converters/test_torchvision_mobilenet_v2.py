from pathlib import Path

import pytest
import torch
import torchvision
from mmengine.config import Config
from mmseg.models.backbones import MobileNetV2
from mmseg.registry import MODELS
from torch import nn

from label_efficient_seg.converters import convert_mobilenet_v2, convert_mobilenet_v2_file

ROOT = Path(__file__).resolve().parents[2]
# Number of torchvision's features.* up to the end of each of MMSeg's seven layers.
LAYER_ENDS = (2, 4, 7, 11, 14, 17, 18)


@pytest.fixture
def reference() -> nn.Module:
    """torchvision's network with random weights and random, plausible batch statistics."""
    torch.manual_seed(1)
    network = torchvision.models.mobilenet_v2(weights=None)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


@torch.no_grad()
@pytest.mark.parametrize('size', [(64, 96), (65, 97), (63, 50)])
def test_features_equal_those_of_torchvision(reference, size):
    backbone = MobileNetV2(out_indices=range(7))
    backbone.load_state_dict(convert_mobilenet_v2(reference.state_dict()))
    backbone.eval()
    images = torch.randn(2, 3, *size)
    features = backbone(images)
    for found, end in zip(features, LAYER_ENDS, strict=True):
        expected = reference.features[:end](images)
        assert expected.std() > 0.05
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_every_weight_but_the_last_convolution_is_used_once(reference):
    source = reference.state_dict()
    converted = convert_mobilenet_v2(source)
    kept = {n: t for n, t in source.items() if not n.startswith(('features.18.', 'classifier.'))}
    assert {id(t) for t in converted.values()} == {id(t) for t in kept.values()}
    assert len(converted) == len(kept) == len(MobileNetV2().state_dict())


def test_classifier_and_batch_counters_may_be_absent(reference):
    source = {
        name: tensor
        for name, tensor in reference.state_dict().items()
        if not name.startswith('classifier.') and not name.endswith('num_batches_tracked')
    }
    result = MobileNetV2().load_state_dict(convert_mobilenet_v2(source), strict=False)
    assert not result.unexpected_keys
    assert all(name.endswith('num_batches_tracked') for name in result.missing_keys)


def test_all_faults_are_named(reference):
    source = dict(reference.state_dict())
    source['backbone.extra'] = torch.zeros(1)
    source['features.0.0.weight'] = torch.zeros(16, 3, 3, 3)
    source['features.0.1.bias'] = 'text'
    del source['features.17.conv.3.running_mean']
    with pytest.raises(ValueError) as error:
        convert_mobilenet_v2(source)
    for part in (
        'missing: features.17.conv.3.running_mean;',
        'unknown: backbone.extra;',
        'features.0.0.weight is (16, 3, 3, 3) instead of (32, 3, 3, 3)',
        'features.0.1.bias is str instead of (32,)',
    ):
        assert part in str(error.value)


@pytest.mark.parametrize('wrapped', [False, True])
def test_the_config_trains_with_converted_weights(reference, wrapped, tmp_path, les, monkeypatch):
    source, target = tmp_path / 'source.pth', tmp_path / 'new' / 'target.pth'
    state_dict = reference.state_dict()
    torch.save(dict(state_dict=state_dict) if wrapped else state_dict, source)
    assert les('convert', 'torchvision-mobilenetv2', source, target) == 0
    assert [path.name for path in target.parent.iterdir()] == ['target.pth']

    monkeypatch.setenv('MOBILENETV2_WEIGHTS', str(target))
    cfg = Config.fromfile(ROOT / 'configs' / '_base_' / 'models' / 'deeplabv2_mobilenetv2-d8.py')
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.train()
    for name, tensor in convert_mobilenet_v2(state_dict).items():
        assert torch.equal(model.backbone.state_dict()[name], tensor)
    model._forward(torch.randn(2, 3, 65, 97)).sum().backward()
    for name, tensor in convert_mobilenet_v2(state_dict).items():
        assert torch.equal(model.backbone.state_dict()[name], tensor)  # statistics are frozen
    moving = {name for name, p in model.backbone.named_parameters() if p.grad is not None}
    assert moving == {n for n, _ in model.backbone.named_parameters() if n.endswith('conv.weight')}
    assert model._forward(torch.randn(2, 3, 65, 97)).shape == (2, 7, 9, 13)


@pytest.mark.parametrize(
    ('content', 'target', 'message'),
    [
        (dict(weight=torch.zeros(1)), 'target.pth', 'source.pth.*nothing was converted'),
        ([1, 2], 'target.pth', 'source.pth.*list'),
        ({}, 'target.safetensors', r"a \.pth file, got the name '.*target.safetensors'"),
    ],
)
def test_nothing_is_written_when_conversion_fails(content, target, message, tmp_path):
    torch.save(content, tmp_path / 'source.pth')
    with pytest.raises(ValueError, match=message):
        convert_mobilenet_v2_file(tmp_path / 'source.pth', tmp_path / target)
    assert [path.name for path in tmp_path.iterdir()] == ['source.pth']


def test_the_tool_reports_a_missing_source(tmp_path, les, capsys):
    words = ('torchvision-mobilenetv2', tmp_path / 'none.pth', tmp_path / 'a.pth')
    assert les('convert', *words) == 1
    assert 'none.pth' in capsys.readouterr().err
