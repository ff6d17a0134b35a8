"""AffinityNet against loops over pairs and the power of the dense matrix."""

import math

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from label_efficient_seg.models.segmentors import AffinityNet
from label_efficient_seg.ops import neighbour_offsets
from tests.models.losses.test_affinity_loss import loop_loss
from tests.ops.test_random_walk import dense_walk


def build(**kwargs) -> AffinityNet:
    """A small network with random weights, whose neighbours look rather alike."""
    model = MODELS.build(
        dict(
            type='AffinityNet',
            data_preprocessor=dict(
                type='SegDataPreProcessor', mean=[127.5] * 3, std=[64.0] * 3, size_divisor=1
            ),
            backbone=dict(type='ResNet38', base_channels=2),
            decode_head=dict(type='AffinityHead', in_channels=(16, 32, 128), channels=(2, 4, 8)),
            **kwargs,
        )
    )
    model.decode_head.init_weights()
    return model.eval()


def features(model: AffinityNet, images: Tensor) -> np.ndarray:
    """Of an image that is padded with zeros by hand."""
    height, width = (math.ceil(length / 8) * 8 for length in images.shape[2:])
    padded = torch.zeros(len(images), 3, height, width)
    padded[..., : images.shape[2], : images.shape[3]] = images
    with torch.no_grad():
        levels = model.backbone(padded)
        return model.decode_head(levels, levels[0].shape[2:]).double().numpy()


def samples(labels: Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]


@pytest.mark.parametrize('size', [(56, 72), (53, 66), (9, 7)])
@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_affinities_pair_by_pair(size, reduction):
    model, images = build(reduction=reduction), torch.randn(2, 3, *size)
    f = features(model, images)
    with torch.no_grad():
        found = model(images)
    expected = np.zeros((2, 34, *f.shape[2:]))
    for k, (dy, dx) in enumerate(neighbour_offsets(5)):
        for y, x in np.ndindex(*f.shape[2:]):
            if y + dy < f.shape[2] and 0 <= x + dx < f.shape[3]:
                difference = np.abs(f[:, :, y, x] - f[:, :, y + dy, x + dx])
                distance = difference.mean(1) if reduction == 'mean' else difference.sum(1)
                expected[:, k, y, x] = np.exp(-distance)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_losses_pair_by_pair():
    model, images = build(), torch.randn(2, 3, 56, 72)
    labels = torch.tensor([0, 1, 2, 255])[torch.randint(0, 4, (2, 7, 9))]
    losses = model(images, samples(labels), mode='loss')
    expected = loop_loss(features(model, images), labels.numpy())
    assert losses.keys() == expected.keys()
    for name, value in losses.items():
        assert float(value.detach()) == pytest.approx(expected[name], rel=1e-4)
    sum(losses.values()).backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in trained)


def test_border_of_the_release_leaves_pairs_out_of_the_loss():
    images = torch.randn(1, 3, 56, 72)
    labels = torch.full((1, 7, 9), 255)
    labels[0, 0, 0], labels[0, 0, 1] = 0, 1  # in the left border, where no pair begins
    losses = [
        build(border=border)(images, samples(labels), mode='loss')['loss_different']
        for border in ('complete', 'reference')
    ]
    assert losses[0] > 0 and losses[1] == 0


def test_losses_are_single_precision_under_autocast():
    model, images = build(), torch.randn(2, 3, 56, 72)
    labels = torch.tensor([0, 1, 2, 255])[torch.randint(0, 4, (2, 7, 9))]
    expected = model(images, samples(labels), mode='loss')
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(images, samples(labels), mode='loss')
    for name, value in losses.items():
        assert value.dtype == torch.float32
        assert float(value.detach()) == pytest.approx(float(expected[name].detach()), rel=0.05)


def loop_refine(model: AffinityNet, images: Tensor, scores: Tensor) -> Tensor:
    """Cells averaged one by one, and the dense matrix."""
    height, width = scores.shape[2:]
    with torch.no_grad():
        affinities = model(images)
    grid = affinities.shape[2:]
    cells = torch.zeros(*scores.shape[:2], *grid)
    for y, x in np.ndindex(*grid):
        # What is cut off at the border counts as zeros.
        cells[..., y, x] = scores[..., y * 8 : y * 8 + 8, x * 8 : x * 8 + 8].sum((2, 3)) / 64
    walked = dense_walk(cells, affinities, model.beta, model.steps, border=model.border)
    large = nn.Upsample(scale_factor=8, mode='bilinear', align_corners=False)(walked)
    return large[..., :height, :width]


@pytest.mark.parametrize(
    ('size', 'settings'),
    [
        ((56, 72), dict()),
        ((53, 85), dict(beta=4, steps=17)),
        ((53, 85), dict(border='reference')),
        ((17, 9), dict()),  # smaller than the radius
        ((1, 1), dict()),
    ],
)
def test_walk_against_the_dense_matrix(size, settings):
    model = build(**settings)
    model.decode_head.fuse.weight.data *= 3  # or the long walk of a small image is uniform
    images, scores = torch.randn(2, 3, *size), torch.rand(2, 4, *size)
    with torch.no_grad():
        found = model.refine(images, scores)
    assert found.shape == scores.shape and found.dtype == torch.float32
    np.testing.assert_allclose(found, loop_refine(model, images, scores), atol=1e-5)


def test_an_image_too_small_for_the_border_of_the_release():
    with pytest.raises(ValueError, match="size 3 x 4; .*border='complete' takes any size"):
        build(border='reference').refine(torch.randn(1, 3, 20, 30), torch.rand(1, 2, 20, 30))


def test_grid_does_not_depend_on_the_backbone():
    # An image of 64 pixels gives this network maps of 17 and 9, but the grid is 16 x 16.
    model = build(stride=4)
    model.backbone = MODELS.build(
        dict(
            type='DeepLabV2ResNet',
            depth=18,
            base_channels=2,
            stem_channels=2,
            out_indices=(0, 1, 3),
        )
    )
    model.decode_head = MODELS.build(
        dict(type='AffinityHead', in_channels=(2, 4, 16), channels=(2, 2, 2))
    )
    with torch.no_grad():
        assert model(torch.randn(1, 3, 64, 62)).shape == (1, 34, 16, 16)
        assert model.refine(torch.randn(1, 3, 64, 62), torch.rand(1, 2, 64, 62)).shape[3] == 62


def test_parameters_are_backbone_and_head():
    names = {f'decode_head.reduce.{i}.weight' for i in range(3)} | {'decode_head.fuse.weight'}
    found = {name for name in build().state_dict() if not name.startswith('backbone.')}
    assert found == names


def test_bad_input_is_named():
    model, images = build(), torch.randn(1, 3, 56, 72)
    with pytest.raises(ValueError, match='a grid of 7 x 9, but the labels have 56 x 72'):
        model(images, samples(torch.zeros(1, 56, 72, dtype=torch.long)), mode='loss')
    with pytest.raises(ValueError, match='scores of 7 x 9 do not fit images of 56 x 72'):
        model.refine(images, torch.rand(1, 2, 7, 9))
    with pytest.raises(ValueError, match='predicts no classes .*les masks'):
        model(images, mode='predict')
    with pytest.raises(ValueError, match="border 'open' is unknown"):
        build(border='open')
    with pytest.raises(ValueError, match='radius=1; it must be >= 2'):
        build(radius=1)
