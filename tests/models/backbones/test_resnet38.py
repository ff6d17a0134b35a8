"""The backbone against the published network in plain functions."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from label_efficient_seg.models.backbones import ResNet38

# The blocks in the order of the publication, each with its convolutions: output channels at the
# published width, kernel size, stride and dilation.
BLOCKS = [
    [(128, 3, 2, 1), (128, 3, 1, 1)],
    [(128, 3, 1, 1), (128, 3, 1, 1)],
    [(128, 3, 1, 1), (128, 3, 1, 1)],
    [(256, 3, 2, 1), (256, 3, 1, 1)],
    [(256, 3, 1, 1), (256, 3, 1, 1)],
    [(256, 3, 1, 1), (256, 3, 1, 1)],
    [(512, 3, 2, 1), (512, 3, 1, 1)],
    [(512, 3, 1, 1), (512, 3, 1, 1)],
    [(512, 3, 1, 1), (512, 3, 1, 1)],
    [(512, 3, 1, 1), (512, 3, 1, 1)],
    [(512, 3, 1, 1), (512, 3, 1, 1)],
    [(512, 3, 1, 1), (512, 3, 1, 1)],
    [(512, 3, 1, 1), (1024, 3, 1, 2)],
    [(512, 3, 1, 2), (1024, 3, 1, 2)],
    [(512, 3, 1, 2), (1024, 3, 1, 2)],
    [(512, 1, 1, 1), (1024, 3, 1, 4), (2048, 1, 1, 1)],
    [(1024, 1, 1, 1), (2048, 3, 1, 4), (4096, 1, 1, 1)],
]
# Stage and position in it of each block, and the block before which each stage ends.
NAMES = [f'{s}.{b}' for s, blocks in enumerate((3, 3, 6, 3, 1, 1)) for b in range(blocks)]
ENDS = (3, 6, 12, 15, 16)
WIDTH = 4


def build(**kwargs) -> ResNet38:
    """A narrow network whose batch norms all do something."""
    model = ResNet38(base_channels=WIDTH, **kwargs)
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
    return model


def plain_features(weights: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """What AffinityNet's release calls conv2 to conv6, and the level before conv6."""

    def activate(x: Tensor, name: str) -> Tensor:
        mean, var = weights[f'{name}.running_mean'], weights[f'{name}.running_var']
        scale, shift = weights[f'{name}.weight'], weights[f'{name}.bias']
        shape = (1, -1, 1, 1)
        x = (x - mean.view(shape)) / (var.view(shape) + 1e-5).sqrt()
        return F.relu(x * scale.view(shape) + shift.view(shape))

    x = F.conv2d(images, weights['conv1.weight'], padding=1)
    features = []
    for index, (name, convolutions) in enumerate(zip(NAMES, BLOCKS, strict=True)):
        name = f'stages.{name}'
        y = first = activate(x, f'{name}.norms.0')
        if index in ENDS:
            features.append(first)
        for i, (channels, kernel, stride, d) in enumerate(convolutions):
            if i > 0:
                y = activate(y, f'{name}.norms.{i}')
            weight = weights[f'{name}.convs.{i}.weight']
            assert weight.shape[0] == channels * WIDTH // 64
            y = F.conv2d(y, weight, stride=stride, padding=d * (kernel - 1) // 2, dilation=d)
        if y.shape != x.shape:
            x = F.conv2d(first, weights[f'{name}.shortcut.weight'], stride=convolutions[0][2])
        x = x + y
    return [*features, activate(x, 'norm')]


@torch.no_grad()
@pytest.mark.parametrize('size', [(64, 48), (33, 71)])
def test_equals_plain_network(size):
    # Random weights let the sums of 17 blocks grow; float64 keeps their rounding out.
    model = build(out_indices=range(6)).double()
    model.eval()
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    expected = plain_features(model.state_dict(), images)
    found = model(images)
    assert [f.shape[1] * 64 // WIDTH for f in found] == [128, 256, 512, 1024, 2048, 4096]
    for ours, theirs, stride in zip(found, expected, (2, 4, 8, 8, 8, 8), strict=True):
        assert ours.shape[-2:] == tuple(-(-length // stride) for length in size)
        assert theirs.std() > 0.1
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-9)
    selected = ResNet38(WIDTH).double()
    selected.load_state_dict(model.state_dict())
    selected.eval()
    for ours, index in zip(selected(images), (2, 3, 5), strict=True):
        assert torch.equal(ours, found[index])


def test_published_size():
    with torch.device('meta'):
        model = ResNet38(frozen_stages=-1, norm_cfg=dict(type='BN'))
    # 38 layers are the first and last one, and the longest path through the blocks.
    assert sum(len(block) for block in BLOCKS) + 2 == 38
    channels, expected = 64, 3 * 64 * 9
    for convolutions in BLOCKS:
        if channels != convolutions[-1][0] or convolutions[0][2] > 1:
            expected += channels * convolutions[-1][0]
        for out, kernel, _, _ in convolutions:
            expected += channels * out * kernel**2 + 2 * channels
            channels = out
    expected += 2 * 4096
    assert sum(p.numel() for p in model.parameters()) == expected > 100e6


def test_dropout_acts_in_training_and_only_in_the_last_two_stages():
    model = build(out_indices=range(6))
    model.train()
    images = torch.randn(1, 3, 32, 32)
    first, second = model(images), model(images)
    for index in range(6):
        # Level 4 is the input of the last stage: the dropout of the stage before has acted.
        assert torch.equal(first[index], second[index]) == (index < 4)
    rates = [block.dropout.p for blocks in model.stages for block in blocks]
    assert rates == [0] * 15 + [0.3, 0.5]


def trained(model: ResNet38) -> set[str]:
    """Names of all tensors that a training step changes."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1.0)
    sum(f.sum() for f in model(torch.randn(2, 3, 32, 32))).backward()
    optimizer.step()
    return {name for name, t in model.state_dict().items() if not torch.equal(t, before[name])}


def test_first_layers_and_batch_norms_are_frozen():
    model = build()
    for mode in (False, True):
        model.train(mode)
    changed = trained(model)
    convolutions = {n for n, p in model.named_parameters() if 'conv' in n or 'shortcut' in n}
    frozen = {n for n in convolutions if n.startswith(('conv1', 'stages.0.'))}
    assert len(frozen) == 8 and changed == convolutions - frozen


@pytest.mark.parametrize('frozen_stages', [-1, 0, 2])
def test_training_with_batch_norms(frozen_stages):
    model = build(frozen_stages=frozen_stages, norm_cfg=dict(type='BN'), norm_eval=False)
    model.train()
    stages = tuple(f'stages.{s}.' for s in range(frozen_stages))
    frozen = (('conv1.',) if frozen_stages >= 0 else ()) + stages
    everything = set(model.state_dict())
    assert trained(model) == {n for n in everything if not n.startswith(frozen or ('-',))}


@pytest.mark.parametrize(
    'arguments', [dict(out_indices=(2, 6)), dict(out_indices=(-1,)), dict(frozen_stages=7)]
)
def test_stages_that_do_not_exist_are_refused(arguments):
    with pytest.raises(ValueError, match='ResNet38 has the stages 0 to 5, got out_indices'):
        MODELS.build(dict(type='ResNet38', base_channels=1, **arguments))


def test_in_a_segmentor_and_in_a_classifier():
    head = dict(
        type='FCNHead', in_channels=64 * WIDTH, channels=2, num_convs=1, num_classes=3, in_index=2
    )
    backbone = dict(type='ResNet38', base_channels=WIDTH)
    segmentor = MODELS.build(dict(type='EncoderDecoder', backbone=backbone, decode_head=head))
    assert segmentor(torch.randn(1, 3, 32, 40)).shape == (1, 3, 4, 5)
    mmpretrain = pytest.importorskip('mmpretrain')
    classifier = mmpretrain.registry.MODELS.build(
        dict(
            type='ImageClassifier',
            _scope_='mmpretrain',
            backbone=dict(backbone, type='mmseg.ResNet38'),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', in_channels=64 * WIDTH, num_classes=5),
        )
    )
    features = classifier.extract_feat(torch.randn(2, 3, 32, 40))
    assert classifier.head(features).shape == (2, 5)
