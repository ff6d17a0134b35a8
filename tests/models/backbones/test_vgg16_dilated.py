"""The backbone against the published network in plain functions."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from label_efficient_seg.models.backbones import DilatedVGG16

WIDTH = 4


def build(**kwargs) -> DilatedVGG16:
    model = DilatedVGG16(base_channels=WIDTH, **kwargs)
    model.init_weights()
    for name, parameter in model.named_parameters():
        if name.endswith('bias'):
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def plain_features(w: dict[str, Tensor], x: Tensor, fc6_dilation: int) -> list[Tensor]:
    """The network of the release, line by line."""

    def conv(x: Tensor, name: str, d: int = 1) -> Tensor:
        return F.relu(F.conv2d(x, w[f'{name}.weight'], w[f'{name}.bias'], padding=d, dilation=d))

    def pool(x: Tensor, stride: int) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1), value=-torch.inf)
        return F.max_pool2d(x, 3, stride)

    conv1 = conv(conv(x, 'conv1_1'), 'conv1_2')
    conv2 = conv(conv(pool(conv1, 2), 'conv2_1'), 'conv2_2')
    conv3 = conv(conv(conv(pool(conv2, 2), 'conv3_1'), 'conv3_2'), 'conv3_3')
    conv4 = conv(conv(conv(pool(conv3, 2), 'conv4_1'), 'conv4_2'), 'conv4_3')
    conv5 = conv(conv(conv(pool(conv4, 1), 'conv5_1', 2), 'conv5_2', 2), 'conv5_3', 2)
    fc6 = conv(conv5, 'fc6', fc6_dilation)
    fc7 = F.relu(F.conv2d(fc6, w['fc7.weight'], w['fc7.bias']))
    return [conv1, conv2, conv3, conv4, conv5, fc7]


@torch.no_grad()
@pytest.mark.parametrize('fc6_dilation', [1, 4, 12])
@pytest.mark.parametrize('size', [(64, 48), (33, 71)])
def test_equals_plain_network(size, fc6_dilation):
    model = build(out_indices=range(6), fc6_dilation=fc6_dilation)
    model.eval()
    images = torch.randn(2, 3, *size)
    expected = plain_features(model.state_dict(), images, fc6_dilation)
    found = model(images)
    assert [f.shape[1] * 64 // WIDTH for f in found] == [64, 128, 256, 512, 512, 1024]
    for ours, theirs, stride in zip(found, expected, (1, 2, 4, 8, 8, 8), strict=True):
        assert ours.shape[-2:] == tuple(-(-length // stride) for length in size)
        assert theirs.std() > 0.1
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    selected = build(fc6_dilation=fc6_dilation)
    selected.load_state_dict(model.state_dict())
    selected.eval()
    for ours, index in zip(selected(images), (3, 4, 5), strict=True):
        assert torch.equal(ours, found[index])


def test_published_size():
    with torch.device('meta'):
        weights = DilatedVGG16().state_dict()
    # The convolutions of VGG-16, and what DeepLab leaves of its fully connected layers.
    convolutions = 14_714_688
    fully_connected = (512 * 9 + 1) * 1024 + (1024 + 1) * 1024
    assert sum(w.numel() for w in weights.values()) == convolutions + fully_connected


def test_dropout_acts_in_training_and_only_on_the_last_level():
    model = build(out_indices=range(6))
    model.train()
    images = torch.randn(1, 3, 32, 32)
    first, second = model(images), model(images)
    assert [torch.equal(a, b) for a, b in zip(first, second, strict=True)] == [True] * 5 + [False]


@pytest.mark.parametrize(('stages', 'count'), [(0, 0), (2, 4), (5, 13)])
def test_first_stages_are_frozen(stages, count):
    model = build(frozen_stages=stages)
    frozen = {n.split('.')[0] for n, p in model.named_parameters() if not p.requires_grad}
    assert len(frozen) == count and all(int(name[4]) <= stages for name in frozen)


@pytest.mark.parametrize(
    'arguments', [dict(out_indices=(3, 6)), dict(frozen_stages=6), dict(frozen_stages=-1)]
)
def test_stages_that_do_not_exist_are_refused(arguments):
    with pytest.raises(ValueError, match='DilatedVGG16 has the levels 0 to 5 and 0 to 5 frozen'):
        MODELS.build(dict(type='DilatedVGG16', base_channels=1, **arguments))


def test_in_a_segmentor_and_in_a_classifier():
    head = dict(
        type='FCNHead', in_channels=16 * WIDTH, channels=2, num_convs=1, num_classes=3, in_index=2
    )
    backbone = dict(type='DilatedVGG16', base_channels=WIDTH, fc6_dilation=4)
    segmentor = MODELS.build(dict(type='EncoderDecoder', backbone=backbone, decode_head=head))
    assert segmentor(torch.randn(1, 3, 32, 40)).shape == (1, 3, 4, 5)
    mmpretrain = pytest.importorskip('mmpretrain')
    classifier = mmpretrain.registry.MODELS.build(
        dict(
            type='ImageClassifier',
            _scope_='mmpretrain',
            backbone=dict(backbone, type='mmseg.DilatedVGG16'),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', in_channels=16 * WIDTH, num_classes=5),
        )
    )
    features = classifier.extract_feat(torch.randn(2, 3, 32, 40))
    assert classifier.head(features).shape == (2, 5)
