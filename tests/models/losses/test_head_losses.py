"""Losses of decode heads beside those of MMSegmentation."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads import FCNHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample

from label_efficient_seg.models.losses import head_losses, pixel_losses

CROSS_ENTROPY = dict(type='CrossEntropyLoss', loss_weight=0.4)


def build_head(**kwargs) -> FCNHead:
    options = dict(in_channels=2, channels=2, num_classes=4, num_convs=0, align_corners=False)
    return FCNHead(**{**options, **kwargs})


def samples_of(labels: torch.Tensor) -> list[SegDataSample]:
    return [SegDataSample(gt_sem_seg=PixelData(data=one[None])) for one in labels]


@pytest.fixture
def scores_and_labels() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 4, 5, 6, generator=generator)
    labels = torch.randint(0, 4, (2, 13, 17), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < 0.3] = 255
    return scores, labels


@pytest.mark.parametrize(
    'options',
    [
        dict(loss_decode=CROSS_ENTROPY),
        dict(loss_decode=CROSS_ENTROPY, align_corners=True, ignore_index=2),
        dict(loss_decode=[CROSS_ENTROPY, CROSS_ENTROPY, dict(type='DiceLoss')]),
        dict(loss_decode=CROSS_ENTROPY, sampler=dict(type='OHEMPixelSampler', min_kept=20)),
    ],
)
def test_values_and_gradients_are_those_of_mmsegmentation(scores_and_labels, options):
    scores, labels = scores_and_labels
    head, samples = build_head(**options), samples_of(labels)
    if options.get('ignore_index') == 2:
        labels[labels == 255] = 2
    found, expected = {}, {}
    gradients = []
    for result, function in ((found, pixel_losses), (expected, BaseDecodeHead.loss_by_feat)):
        leaf = scores.clone().requires_grad_()
        result.update(function(head, leaf, samples))
        sum(value for name, value in result.items() if 'loss' in name).sum().backward()
        gradients.append(leaf.grad)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name].reshape(-1), value.detach().reshape(-1))
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


def test_accuracy_counts_the_labeled_pixels():
    head = build_head(loss_decode=CROSS_ENTROPY)
    labels = torch.tensor([[[0, 1, 255, 3]]])
    scores = torch.tensor([[0, 0, 0, 1], [9, 9, 9, 0], [0, 0, 0, 2], [0, 0, 0, 3.0]])[None, :, None]
    # Of three labeled pixels, two are right.
    accuracy = pixel_losses(head, scores, samples_of(labels))['acc_seg']
    assert accuracy.item() == pytest.approx(200 / 3)
    nothing = pixel_losses(head, scores, samples_of(labels * 0 + 255))
    assert nothing['loss_ce'] == 0 and nothing['acc_seg'] == 100


def test_heads_with_losses_of_their_own_compute_them(scores_and_labels):
    head = build_head(loss_decode=CROSS_ENTROPY)

    class OtherHead(FCNHead):
        def loss_by_feat(self, outputs, data_samples) -> dict:
            return dict(outputs=outputs, samples=data_samples)

    other = OtherHead(in_channels=2, channels=2, num_classes=4, num_convs=0)
    assert head_losses(other, 'scores', []) == dict(outputs='scores', samples=[])
    assert 'loss_ce' in head_losses(head, scores_and_labels[0], samples_of(scores_and_labels[1]))
