import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from label_efficient_seg.datasets.toy import ATTRIBUTES, UNSEEN_CLASSES
from tests.models.losses.test_masked_cross_entropy_loss import loop_cross_entropy

SEEN = (2, 3, 4, 6)


def build(**kwargs) -> nn.Module:
    head = MODELS.build(
        dict(
            type='WordProjectionHead',
            in_channels=4,
            in_index=-1,
            num_classes=7,
            classes='ToyDataset',
            split=dict(unseen=list(UNSEEN_CLASSES), ignored=['background']),
            embeddings='toy',
            dilations=(1, 2),
            align_corners=True,
            loss_decode=dict(type='MaskedCrossEntropyLoss'),
            **kwargs,
        )
    )
    for conv in head.convs:
        nn.init.normal_(conv.weight, std=0.5)
    return head


def test_scores_are_products_of_features_and_normalised_vectors():
    head, x = build(), torch.randn(2, 4, 5, 6)
    features = sum(
        F.conv2d(x, conv.weight, conv.bias, padding=d, dilation=d)
        for conv, d in zip(head.convs, (1, 2), strict=True)
    )
    scores = head([x])
    assert scores.shape == (2, 7, 5, 6)
    for c, y, column in np.ndindex(7, 5, 6):
        vector = torch.tensor(ATTRIBUTES[c] / np.linalg.norm(ATTRIBUTES[c]))
        expected = (features[1, :, y, column] * vector).sum()
        torch.testing.assert_close(scores[1, c, y, column], expected)


def test_only_seen_classes_and_their_pixels_are_in_the_loss():
    head, x = build(), torch.randn(2, 4, 5, 6)
    labels = torch.randint(0, 7, (2, 1, 40, 48))
    labels[torch.rand(labels.shape) < 0.1] = 255

    def loss(labels):
        samples = [SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels]
        return head.loss_by_feat(head([x]), samples)['loss_ce']

    found = loss(labels)
    scores = F.interpolate(head([x]), (40, 48), mode='bilinear', align_corners=True)
    position = torch.full((256,), 255)
    position[list(SEEN)] = torch.arange(4)
    expected = loop_cross_entropy(scores[:, list(SEEN)].detach(), position[labels[:, 0]])
    assert float(found.detach()) == pytest.approx(expected, abs=1e-4)

    hidden = ~torch.isin(labels, torch.tensor(SEEN))
    others = torch.tensor([0, 1, 5, 255])[torch.randint(4, labels.shape)]
    assert torch.equal(loss(torch.where(hidden, others, labels)), found)
    found.backward()
    assert head.embeddings.grad is None and head.convs[0].weight.grad.abs().sum() > 0


def test_prediction_lowers_seen_scores_and_never_gives_ignored_classes():
    plain, biased, x = build(), build(seen_bias=1.5), [torch.randn(1, 4, 5, 6)]
    biased.load_state_dict(plain.state_dict())
    assert torch.equal(plain(x), biased(x))
    metas = [dict(img_shape=(10, 12), pad_shape=(10, 12))]
    scores = plain.predict(x, metas, None)
    expected = torch.tensor([1.5 if c in SEEN else 0 for c in range(7)])
    torch.testing.assert_close(
        scores - biased.predict(x, metas, None), expected[:, None, None].expand(1, 7, 10, 12)
    )
    resized = F.interpolate(plain(x), (10, 12), mode='bilinear', align_corners=True)
    assert torch.equal(scores[:, 1:], resized[:, 1:])
    assert (scores[:, 0] < resized.min()).all()


def test_word_vectors_are_fixed_and_classes_checked():
    head = build()
    assert not head.embeddings.requires_grad and head.num_classes == head.out_channels == 7
    with pytest.raises(ValueError, match='num_classes=6'):
        MODELS.build(
            dict(
                type='WordProjectionHead',
                in_channels=4,
                num_classes=6,
                classes='ToyDataset',
                split=dict(unseen=['striped-disc']),
                embeddings='toy',
            )
        )
