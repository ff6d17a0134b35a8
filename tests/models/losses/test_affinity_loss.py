import math

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from torch import Tensor

from label_efficient_seg.models.losses import AffinityLoss
from label_efficient_seg.ops import affinity_labels, neighbour_offsets, pairwise_affinities

KINDS = ('background', 'foreground', 'different')


def loop_loss(features: np.ndarray, labels: np.ndarray, eps: float = 1e-5) -> dict[str, float]:
    """The three parts from features and labels, pair by pair."""
    sums, counts = dict.fromkeys(KINDS, 0.0), dict.fromkeys(KINDS, 0)
    batch, height, width = labels.shape
    for n, y, x in np.ndindex(batch, height, width):
        for dy, dx in neighbour_offsets(5):
            if y + dy >= height or not 0 <= x + dx < width:
                continue
            a, b = int(labels[n, y, x]), int(labels[n, y + dy, x + dx])
            if 255 in (a, b):
                continue
            distance = np.abs(features[n, :, y, x] - features[n, :, y + dy, x + dx]).mean()
            affinity = math.exp(-distance)
            kind = 'different' if a != b else 'background' if a == 0 else 'foreground'
            sums[kind] -= math.log((1 - affinity if a != b else affinity) + eps)
            counts[kind] += 1
    factors = dict(background=1 / 4, foreground=1 / 4, different=1 / 2)
    return {f'loss_{k}': factors[k] * sums[k] / max(counts[k], 1) for k in KINDS}


def features_and_labels(classes: tuple[int, ...] = (0, 1, 2, 255)) -> tuple[Tensor, Tensor]:
    features = 2 * torch.randn(2, 3, 7, 9)
    # Pairs that look the same, where log(1 - W) has only its epsilon left.
    features[:, :, :2] = features[:, :, :1]
    return features, torch.tensor(classes)[torch.randint(0, len(classes), (2, 7, 9))]


@pytest.mark.parametrize(
    ('classes', 'empty'),
    [
        ((0, 1, 2, 255), set()),
        ((0, 255), {'loss_foreground', 'loss_different'}),
        ((3, 255), {'loss_background', 'loss_different'}),
        ((255,), {'loss_background', 'loss_foreground', 'loss_different'}),
    ],
)
def test_against_loop(classes, empty):
    features, labels = features_and_labels(classes)
    features.requires_grad_()
    losses = AffinityLoss()(pairwise_affinities(features), *affinity_labels(labels))
    expected = loop_loss(features.detach().double().numpy(), labels.numpy())
    assert set(losses) == set(expected)
    for name, value in losses.items():
        assert float(value.detach()) == pytest.approx(expected[name], rel=1e-4), name
        assert (value == 0) == (name in empty)
    sum(losses.values()).backward()
    assert torch.isfinite(features.grad).all() and features.grad.any() == (len(empty) < 3)


def test_gradient_by_finite_differences():
    affinities = torch.rand(1, 34, 3, 4, dtype=torch.float64, requires_grad=True)
    labels = affinity_labels(torch.tensor([0, 1, 255])[torch.randint(0, 3, (1, 3, 4))])
    assert torch.autograd.gradcheck(
        lambda a: tuple(AffinityLoss()(a, *labels).values()), affinities
    )


def test_extreme_affinities_give_finite_values_and_gradients():
    affinities = torch.tensor([0.0, 1.0]).repeat(34).view(1, 34, 1, 2).requires_grad_()
    everything = torch.ones(affinities.shape, dtype=torch.bool)
    losses = AffinityLoss()(affinities, everything, everything, everything)
    # Half of the pairs are entirely wrong.
    assert float(losses['loss_background'].detach()) == pytest.approx(-math.log(1e-5) / 8, rel=1e-3)
    assert float(losses['loss_different'].detach()) == pytest.approx(-math.log(1e-5) / 4, rel=1e-3)
    sum(losses.values()).backward()
    assert torch.isfinite(affinities.grad).all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    features, labels = features_and_labels()
    # In float16, the log of 1 - W + eps would be -inf at W = 1.
    affinities = pairwise_affinities(features).to(dtype)
    labels = affinity_labels(labels)
    for name, value in AffinityLoss()(affinities, *labels).items():
        assert value.dtype == torch.float32
        assert value == AffinityLoss()(affinities.float(), *labels)[name]


def test_weight_and_epsilon_from_a_config():
    features, labels = features_and_labels()
    affinities, pairs = pairwise_affinities(features), affinity_labels(labels)
    loss = MODELS.build(dict(type='AffinityLoss', loss_weight=4, eps=0.1))
    expected = loop_loss(features.double().numpy(), labels.numpy(), eps=0.1)
    for name, value in loss(affinities, *pairs).items():
        assert float(value) == pytest.approx(4 * expected[name], rel=1e-4)
