"""AffinityNet's released weights against a plain rendering of the released networks."""

import hashlib
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import Tensor, nn

from label_efficient_seg.converters import convert_affinitynet, convert_affinitynet_file
from label_efficient_seg.core.config_index import get_config
from tests.converters.released_affinitynet import features_of, released, scores_of

ROOT = Path(__file__).resolve().parents[2]
RELEASES = [('res38', 'cls'), ('vgg', 'cls'), ('res38', 'aff'), ('vgg', 'aff')]


def ours(model: dict, weights: dict[str, Tensor]) -> nn.Module:
    network = MODELS.build(dict(model, type='CAMSegmentor' if 'head' in model else 'AffinityNet'))
    network.load_state_dict(weights, strict=True)
    return network.eval()


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())


@torch.no_grad()
@pytest.mark.parametrize('size', [(64, 96), (65, 97), (63, 50)])
@pytest.mark.parametrize('network', ['res38', 'vgg'])
def test_scores_and_cams_equal_those_of_the_release(network, size):
    source = released(network, 'cls')
    conversion = convert_affinitynet(source, 'ours')
    model = ours(conversion.model, conversion.weights)
    images = torch.randn(2, 3, *size)
    scores, cams = scores_of(source, images)
    assert cams.std() > 0.05 and (cams == 0).any()
    torch.testing.assert_close(model(images), cams, rtol=0, atol=1e-5)
    found = model.head(model.backbone(images))
    torch.testing.assert_close(found, scores, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize('size', [(64, 96), (65, 97), (63, 50)])
@pytest.mark.parametrize('network', ['res38', 'vgg'])
def test_features_and_affinities_equal_those_of_the_release(network, size):
    source = released(network, 'aff')
    conversion = convert_affinitynet(source, 'ours')
    model = ours(conversion.model, conversion.weights)
    images = torch.randn(2, 3, *size)
    expected = features_of(source, images)
    grid = expected.shape[2:]
    assert expected.std() > 0.1
    found = model.decode_head(model.backbone(images), grid)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    if size == (64, 96):  # our model pads other sizes
        neighbours = (-(expected[..., 1:] - expected[..., :-1]).abs().mean(dim=1)).exp()
        found = model(images)[:, 0, :, :-1]  # the first pair is that of horizontal neighbours
        torch.testing.assert_close(found, neighbours, rtol=0, atol=1e-5)


@pytest.mark.parametrize(('network', 'kind'), RELEASES)
def test_there_and_back(network, kind):
    source = released(network, kind)
    converted = convert_affinitynet(source, 'ours')
    official = convert_affinitynet(converted.weights, 'official')
    assert_same(official.weights, source)
    assert official.model == converted.model
    assert_same(convert_affinitynet(official.weights, 'ours').weights, converted.weights)


@pytest.mark.parametrize(
    ('network', 'kind', 'model'),
    [
        (
            'res38',
            'cls',
            dict(
                backbone=dict(type='ResNet38'),
                head=dict(type='CAMClsHead', in_channels=4096, num_classes=20),
            ),
        ),
        (
            'vgg',
            'cls',
            dict(
                backbone=dict(type='DilatedVGG16'),
                head=dict(type='CAMClsHead', in_channels=1024, num_classes=20),
            ),
        ),
        (
            'res38',
            'aff',
            dict(
                backbone=dict(type='ResNet38'),
                decode_head=dict(
                    type='AffinityHead', in_channels=(512, 1024, 4096), channels=(64, 128, 256)
                ),
            ),
        ),
        (
            'vgg',
            'aff',
            dict(
                backbone=dict(type='DilatedVGG16', fc6_dilation=4),
                decode_head=dict(
                    type='AffinityHead',
                    in_channels=(512, 512, 1024),
                    channels=(64, 128, 256),
                    norm_cfg=dict(type='GN'),
                ),
            ),
        ),
    ],
)
def test_published_widths(network, kind, model):
    with torch.device('meta'):
        source = released(network, kind, 64, classes=20, channels=(64, 128, 256))
        conversion = convert_affinitynet(source, 'ours')
        built = MODELS.build(dict(model, type='CAMSegmentor' if kind == 'cls' else 'AffinityNet'))
    assert conversion.model == model
    shapes = {name: tensor.shape for name, tensor in conversion.weights.items()}
    assert shapes == {name: tensor.shape for name, tensor in built.state_dict().items()}
    groups = [m.num_groups for m in built.modules() if isinstance(m, nn.GroupNorm)]
    assert groups == ([8, 16, 32] if (network, kind) == ('vgg', 'aff') else [])


@pytest.mark.parametrize(('network', 'kind'), RELEASES)
def test_published_widths_fit_the_configs(network, kind):
    step = dict(cls='cls', aff='affinity')[kind]
    cfg = get_config(f'affinitynet/{dict(res38="resnet38", vgg="vgg16")[network]}_voc_{step}')
    with torch.device('meta'):
        source = released(network, kind, 64, classes=20, channels=(64, 128, 256))
        conversion = convert_affinitynet(source, 'ours')
        expected = MODELS.build(cfg.model).state_dict()
    shapes = {name: tensor.shape for name, tensor in conversion.weights.items()}
    assert shapes == {name: tensor.shape for name, tensor in expected.items()}
    for part, settings in conversion.model.items():
        assert dict(cfg.model[part], **settings) == cfg.model[part]


def test_trained_classifiers_and_wrapped_weights_are_converted():
    source = released('res38', 'cls')
    wrapped = {f'module.{name}': tensor for name, tensor in source.items()}
    weights = convert_affinitynet(wrapped, 'ours').weights
    classifier = MODELS.build(
        dict(
            convert_affinitynet(source, 'ours').model,
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor', mean=[0], std=[1]),
        )
    )
    classifier.load_state_dict(weights, strict=True)
    assert_same(convert_affinitynet(classifier.state_dict(), 'official').weights, source)


def test_absent_batch_counters_become_zero():
    source = released('res38', 'aff')
    old = {n: t for n, t in source.items() if not n.endswith('num_batches_tracked')}
    found = convert_affinitynet(old, 'ours').weights
    expected = convert_affinitynet(source, 'ours').weights
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        counter = name.endswith('num_batches_tracked')
        assert torch.equal(tensor, torch.tensor(0) if counter else expected[name])


def test_all_faults_are_named():
    source = released('vgg', 'aff')
    source['fc8.bias'] = torch.zeros(1)
    source['backbone.conv1_1.weight'] = source['conv1_1.weight']
    source['f9.weight'] = torch.zeros(72, 71, 1, 1)
    source['conv2_1.bias'] = 'text'
    del source['gn8_4.bias'], source['fc7.weight']
    before = dict(source)
    with pytest.raises(ValueError, match='so nothing was') as error:
        convert_affinitynet(source, 'ours')
    for part in (
        'missing: fc7.weight, gn8_4.bias;',
        'unknown: fc8.bias, backbone.conv1_1.weight;',
        'f9.weight is (72, 71, 1, 1) instead of (72, 72, 1, 1)',
        'conv2_1.bias is str instead of (8,)',
    ):
        assert part in str(error.value)
    assert source == before


def classifier_of(classes: int, inputs: int) -> dict:
    return {'fc8.weight': torch.zeros(classes, inputs, 1, 1)}


@pytest.mark.parametrize(
    ('network', 'kind', 'change', 'to', 'message'),
    [
        ('res38', 'cls', lambda _: {}, 'ours', ': conv1a.weight$'),
        ('res38', 'cls', lambda s: dict(weight=s['fc8.weight']), 'ours', ': conv1a.weight$'),
        ('res38', 'cls', lambda s: {**s, 'conv1a.weight': [1] * 4}, 'ours', ': conv1a.weight$'),
        ('res38', 'cls', lambda s: {**s, 3: torch.zeros(1)}, 'ours', 'unknown: 3$'),
        # Another block, a classifier for other features, and one without any class.
        ('res38', 'cls', lambda s: {**s, 'b4_6.bn_branch2a.bias': 0}, 'ours', 'unknown: b4_6'),
        ('res38', 'cls', lambda s: {**s, **classifier_of(3, 64)}, 'ours', r'fc8.*\(3, 256, 1, 1\)'),
        ('vgg', 'cls', lambda s: {**s, **classifier_of(0, 64)}, 'ours', ': fc8.weight$'),
        # Only a backbone; both networks in one; the levels of the other backbone.
        ('vgg', 'cls', lambda s: {n: t for n, t in s.items() if n[:3] != 'fc8'}, 'ours', ': f8_3'),
        ('vgg', 'cls', lambda s: {**s, 'f9.weight': torch.zeros(1)}, 'ours', 'unknown: f9.weight$'),
        ('res38', 'aff', lambda s: {**s, 'gn8_3.bias': torch.zeros(8)}, 'ours', 'unknown: gn8_3'),
        # The wrong direction.
        ('vgg', 'cls', dict, 'official', ': backbone.conv1.weight$'),
        ('vgg', 'cls', dict, 'theirs', "to='theirs' must be 'ours' or 'official'"),
    ],
)
def test_other_networks_are_refused(network, kind, change, to, message):
    source = change(released(network, kind))
    with pytest.raises(ValueError, match=message):
        convert_affinitynet(source, to)


def test_models_that_the_release_cannot_compute_are_refused():
    weights = convert_affinitynet(released('res38', 'aff'), 'ours').weights
    model = dict(type='AffinityHead', in_channels=(32, 64, 256), channels=(16, 24, 32))
    head = MODELS.build(dict(model, norm_cfg=dict(type='GN')))
    weights |= {f'decode_head.{name}': tensor for name, tensor in head.state_dict().items()}
    with pytest.raises(ValueError, match='unknown: decode_head.norms.0.weight'):
        convert_affinitynet(weights, 'official')


WRAPPERS = dict(
    bare=lambda weights: weights,
    state_dict=lambda weights: dict(state_dict=weights, epoch=3),
    module=lambda weights: {f'module.{name}': tensor for name, tensor in weights.items()},
)


@pytest.mark.parametrize('wrapper', WRAPPERS)
@pytest.mark.parametrize(('network', 'kind'), [('res38', 'cls'), ('vgg', 'aff')])
def test_the_tool_converts_there_and_back(les, tmp_path, capsys, network, kind, wrapper):
    weights = released(network, kind)
    source, middle, back = (tmp_path / name for name in ('a.pth', 'new/b.pth', 'c.pth'))
    torch.save(WRAPPERS[wrapper](weights), source, _use_new_zipfile_serialization=False)

    assert les('convert', 'affinitynet', source, middle, '--to', 'ours') == 0
    *_, printed = capsys.readouterr().out.partition('model = ')
    printed, _, name = printed.rstrip().rpartition('\n')
    assert name == str(middle) and os.listdir(middle.parent) == ['b.pth']
    checkpoint = torch.load(middle, weights_only=True)
    expected = convert_affinitynet(weights, 'ours')
    assert checkpoint['meta'] == dict(
        source='a.pth',
        source_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        model=expected.model,
    )
    assert Config.fromstring(f'model = {printed}', '.py').model.to_dict() == expected.model
    assert_same(checkpoint['state_dict'], expected.weights)

    assert les('convert', 'affinitynet', middle, back, '--to', 'official') == 0
    assert_same(torch.load(back, weights_only=True), weights)


@pytest.mark.parametrize('fault', ['absent', 'truncated', 'other network'])
def test_nothing_is_written_when_the_tool_fails(les, tmp_path, capsys, fault):
    source = tmp_path / 'a.pth'
    if fault == 'other network':
        torch.save(dict(weight=torch.zeros(1)), source)
    elif fault == 'truncated':
        torch.save(released('vgg', 'cls'), source)
        source.write_bytes(source.read_bytes()[:-500])
    assert les('convert', 'affinitynet', source, tmp_path / 'b.pth', '--to', 'ours') == 1
    message = capsys.readouterr().err
    assert message.startswith('error: ') and str(source) in message and 'Traceback' not in message
    expected = dict(absent='does not exist', truncated='damaged or incomplete')
    assert expected.get(fault, 'nothing was') in message
    assert os.listdir(tmp_path) == ([] if fault == 'absent' else ['a.pth'])


def test_the_target_is_a_pth_file(tmp_path):
    torch.save(released('vgg', 'cls'), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r"a \.pth file, got the name '.*b.safetensors'"):
        convert_affinitynet_file(tmp_path / 'a.pth', tmp_path / 'b.safetensors', 'ours')
    assert os.listdir(tmp_path) == ['a.pth']
