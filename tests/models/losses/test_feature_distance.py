import pytest
import torch

from label_efficient_seg.models.losses import feature_distance


def test_mean_over_the_blocks_of_the_classes():
    initial = torch.zeros(1, 2, 2, 2)
    features = torch.tensor([[[[3.0, 1.0], [6.0, 0.0]], [[4.0, 1.0], [8.0, 5.0]]]])
    labels = torch.tensor([[[0, 1], [2, 255]]])
    found = feature_distance(features, initial, labels, (0, 2), 3)
    assert found.item() == pytest.approx((5 + 10) / 2)


def test_no_block_of_the_classes_gives_0_and_no_gradient():
    features = torch.randn(1, 2, 2, 2, requires_grad=True)
    labels = torch.full((1, 4, 4), 255)
    loss = feature_distance(features, torch.zeros(1, 2, 2, 2), labels, (0, 1), 2)
    loss.backward()
    assert loss.item() == 0 and (features.grad == 0).all()


def test_equal_features_have_a_finite_gradient():
    features = torch.ones(1, 2, 2, 2, requires_grad=True)
    feature_distance(
        features, torch.ones(1, 2, 2, 2), torch.zeros(1, 4, 4).long(), (0,), 1
    ).backward()
    assert (features.grad == 0).all()


def test_half_precision_does_not_overflow():
    features = torch.full((1, 8, 2, 2), 300.0, dtype=torch.float16)
    loss = feature_distance(features, 0 * features, torch.zeros(1, 4, 4).long(), (0,), 1)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(300 * 8**0.5)
