import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.decode_heads import FCNHead
from mmseg.structures import SegDataSample
from torch import Tensor

from label_efficient_seg.models.losses import MaskedCrossEntropyLoss, masked_cross_entropy

CLASSES = 4


def loop_cross_entropy(
    logits: Tensor, labels: Tensor, weight: Tensor | None = None, ignore_index: int = 255
) -> float:
    """sum(w * -log softmax) / sum(w), pixel by pixel."""
    total = count = 0.0
    for n, y, x in np.ndindex(*labels.shape):
        label = int(labels[n, y, x])
        w = 1.0 if weight is None else float(weight[n, y, x])
        if label == ignore_index or w == 0:
            continue
        scores = [float(s) for s in logits[n, :, y, x]]
        total -= w * (scores[label] - math.log(sum(math.exp(s) for s in scores)))
        count += w
    return total / count if count else 0.0


def logits_and_labels(ignore_index: int = 255) -> tuple[Tensor, Tensor]:
    labels = torch.randint(0, CLASSES, (2, 5, 7))
    labels[torch.rand(labels.shape) < 0.3] = ignore_index
    return 3 * torch.randn(2, CLASSES, 5, 7), labels


@pytest.mark.parametrize('weight', ['none', 'mask', 'weights'])
@pytest.mark.parametrize('ignore_index', [255, -1, 0])
def test_against_loop(weight, ignore_index):
    logits, labels = logits_and_labels(ignore_index)
    drawn = torch.rand(labels.shape)
    w = dict(none=None, mask=drawn > 0.5, weights=drawn.where(drawn > 0.2, 0))[weight]
    found = masked_cross_entropy(logits, labels, w, ignore_index)
    expected = loop_cross_entropy(logits, labels, w, ignore_index)
    assert float(found) == pytest.approx(expected, abs=1e-5)
    if w is None:
        torch.testing.assert_close(found, F.cross_entropy(logits, labels, None, None, ignore_index))


@pytest.mark.parametrize('nothing', ['ignored', 'masked'])
def test_nothing_counted_gives_zero_with_zero_gradient(nothing):
    logits, labels = logits_and_labels()
    logits.requires_grad_()
    if nothing == 'ignored':
        labels.fill_(255)
    weight = torch.zeros(labels.shape) if nothing == 'masked' else None
    loss = masked_cross_entropy(logits, labels, weight)
    loss.backward()
    assert loss == 0 and torch.equal(logits.grad, torch.zeros_like(logits))


def test_nan_in_pixels_that_do_not_count():
    logits, labels = logits_and_labels()
    expected = masked_cross_entropy(logits, labels, labels > 0)
    broken = logits.where(((labels > 0) & (labels != 255))[:, None], torch.nan)
    assert torch.equal(masked_cross_entropy(broken, labels, labels > 0), expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_inputs_are_computed_in_float32(dtype):
    logits, labels = logits_and_labels()
    logits = (20 * logits).to(dtype)
    found = masked_cross_entropy(logits, labels)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(loop_cross_entropy(logits.float(), labels), rel=1e-5)


def test_gradient_by_finite_differences():
    logits, labels = logits_and_labels()
    logits, labels = logits[:1, :, :3, :3].double().requires_grad_(), labels[:1, :3, :3]
    weight = torch.rand(labels.shape).double()
    assert torch.autograd.gradcheck(lambda x: masked_cross_entropy(x, labels, weight), logits)


def test_as_loss_of_an_mmseg_head():
    head = FCNHead(
        in_channels=2,
        channels=2,
        num_classes=CLASSES,
        align_corners=False,
        loss_decode=[
            dict(type='MaskedCrossEntropyLoss'),
            dict(type='MaskedCrossEntropyLoss', loss_weight=0.5, loss_name='loss_half'),
        ],
    )
    logits, labels = logits_and_labels()
    samples = [SegDataSample(gt_sem_seg=PixelData(data=mask[None])) for mask in labels]
    coarse = logits[..., ::2, ::2]
    losses = head.loss_by_feat(coarse, samples)
    resized = F.interpolate(coarse, labels.shape[1:], mode='bilinear', align_corners=False)
    expected = loop_cross_entropy(resized, labels)
    assert float(losses['loss_ce']) == pytest.approx(expected, rel=1e-5)
    assert float(losses['loss_half']) == pytest.approx(0.5 * expected, rel=1e-5)


def test_unknown_keywords_are_refused():
    logits, labels = logits_and_labels()
    with pytest.raises(TypeError, match='avg_factor'):
        MaskedCrossEntropyLoss()(logits, labels, avg_factor=3)


def test_class_weights_as_in_pytorch():
    logits, labels = logits_and_labels()
    weights = [0.5, 2.0, 0.0, 3.0, 1.0][:CLASSES]
    loss = MaskedCrossEntropyLoss(class_weight=weights)
    expected = F.cross_entropy(logits, labels, torch.tensor(weights), ignore_index=255)
    torch.testing.assert_close(loss(logits, labels), expected)
    assert not loss.state_dict()
    with pytest.raises(ValueError, match=f'has 1 values for {CLASSES} classes; give one for each'):
        MaskedCrossEntropyLoss(class_weight=[1.0])(logits, labels)


def test_one_score_per_pixel_is_binary_cross_entropy():
    logits, labels = logits_and_labels()
    labels[labels != 255] %= 2
    known = labels != 255
    expected = F.binary_cross_entropy_with_logits(logits[:, 0][known], labels[known].float())
    torch.testing.assert_close(MaskedCrossEntropyLoss()(logits[:, :1], labels), expected)


def test_sampler_finds_the_hard_pixels():
    head = FCNHead(
        in_channels=2, channels=2, num_classes=CLASSES, align_corners=False,
        loss_decode=dict(type='MaskedCrossEntropyLoss', loss_weight=0.5),
        sampler=dict(type='OHEMPixelSampler', min_kept=3),
    )  # fmt: skip
    logits, labels = logits_and_labels()
    samples = [SegDataSample(gt_sem_seg=PixelData(data=mask[None])) for mask in labels]
    values = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
    hardest = values[labels != 255].sort(descending=True)[0][: 3 * len(labels)]
    found = head.loss_by_feat(logits, samples)['loss_ce']
    torch.testing.assert_close(found, 0.5 * hardest.mean())
