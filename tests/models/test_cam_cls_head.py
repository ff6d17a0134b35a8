import math

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from label_efficient_seg.models.cls_heads import CAMClsHead
from tests.models.tiny_cam import classifier_cfg


def build(num_classes: int = 4, **kwargs) -> CAMClsHead:
    head = CAMClsHead(in_channels=6, num_classes=num_classes, **kwargs)
    torch.nn.init.normal_(head.classifier.weight)
    return head


def samples(*labels: list[int]) -> list:
    structures = pytest.importorskip('mmpretrain.structures')
    return [structures.DataSample().set_gt_label(label) for label in labels]


def plain_scores(head: CAMClsHead, features: torch.Tensor) -> np.ndarray:
    """Scores one by one: the weights times the mean of the feature map."""
    weight = head.classifier.weight.detach().double().numpy()[:, :, 0, 0]
    maps = features.double().numpy()
    scores = np.zeros((len(maps), len(weight)))
    for n, image in enumerate(maps):
        for c, w in enumerate(weight):
            scores[n, c] = sum(w[k] * image[k].mean() for k in range(len(image)))
    return scores


@pytest.mark.parametrize('size', [(1, 1), (3, 5), (8, 2)])
def test_scores_are_weighted_means(size):
    head, features = build().eval(), torch.randn(3, 6, *size)
    expected = plain_scores(head, features)
    np.testing.assert_allclose(head((torch.zeros(1), features)).detach(), expected, atol=1e-5)
    # Some backbones give a tensor instead of a tuple.
    np.testing.assert_allclose(head(features).detach(), expected, atol=1e-5)


def test_activation_maps():
    head, features = build().train(), torch.randn(2, 6, 3, 5)
    maps = head.activation_maps([features]).detach().numpy()
    weight = head.classifier.weight.detach().numpy()[:, :, 0, 0]
    expected = np.maximum(np.einsum('ck,nkhw->nchw', weight, features.numpy()), 0)
    np.testing.assert_allclose(maps, expected, atol=1e-5)
    assert (expected > 0).any() and (expected == 0).any()


def test_dropout_drops_channels_in_training_only():
    head, features = build(dropout=0.5), torch.ones(64, 6, 2, 2)
    head.train()
    kept = head.pre_logits([features])[:, :, 0, 0]
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert 0.3 < (kept > 0).float().mean() < 0.7
    assert head.eval().pre_logits([features]).unique().tolist() == [1.0]


@pytest.mark.parametrize('labels', [[[0, 3], [1]], [[0, 1, 2, 3], [2]], [[], [3]]])
def test_loss_is_the_mean_of_binary_cross_entropies(labels):
    head, features = build().eval(), torch.randn(2, 6, 3, 4)
    total = 0.0
    for scores, present in zip(plain_scores(head, features), labels, strict=True):
        for c, score in enumerate(scores):
            probability = 1 / (1 + math.exp(-score))
            total -= math.log(probability if c in present else 1 - probability)
    losses = head.loss([features], samples(*labels))
    assert losses.keys() == {'loss_cls'}
    assert losses['loss_cls'].item() == pytest.approx(total / 8, rel=1e-5)


def test_loss_is_in_float32():
    head, features = build().eval(), torch.randn(2, 6, 3, 4)
    with torch.autocast('cpu', torch.bfloat16):
        loss = head.loss([features], samples([1], [2]))['loss_cls']
    assert loss.dtype == torch.float32


def test_predictions():
    head, features = build(threshold=0.7).eval(), torch.randn(2, 6, 3, 4)
    expected = 1 / (1 + np.exp(-plain_scores(head, features)))
    results = head.predict([features], samples([0], [1]))
    for sample, scores in zip(results, expected, strict=True):
        np.testing.assert_allclose(sample.pred_score.detach(), scores, atol=1e-5)
        assert sample.pred_label.tolist() == np.flatnonzero(scores >= 0.7).tolist()


@pytest.mark.parametrize(
    ('backbone', 'channels'),
    [
        (dict(type='mmseg.ResNet38', base_channels=2, out_indices=(5,)), 128),
        (dict(type='mmseg.DilatedVGG16', base_channels=2, out_indices=(5,)), 32),
        (dict(type='mmseg.DilatedMobileNetV2', widen_factor=0.1, out_indices=(6,)), 32),
        (dict(type='mmseg.ResNet', depth=18, base_channels=4, stem_channels=4), 32),
        (dict(type='mmpretrain.MobileNetV2', widen_factor=0.1), 1280),
        (dict(type='mmpretrain.ResNet', depth=18, base_channels=4, stem_channels=4), 32),
    ],
)
@pytest.mark.parametrize('scope', [{}, dict(_scope_='mmpretrain')])
def test_any_backbone_in_the_image_classifier(backbone, channels, scope):
    pytest.importorskip('mmpretrain')
    model = MODELS.build(classifier_cfg(dict(backbone), channels, num_classes=3, **scope))
    model.eval()
    images = [torch.randint(0, 256, (3, 40, 48), dtype=torch.uint8) for _ in range(2)]
    batch = model.data_preprocessor(dict(inputs=images, data_samples=samples([0, 2], [1])))
    loss = model(**batch, mode='loss')['loss_cls']
    loss.backward()
    assert model.head.classifier.weight.grad.abs().sum() > 0
    results = model(**batch, mode='predict')
    assert all(result.pred_score.shape == (3,) for result in results)
    maps = model.head.activation_maps(model.extract_feat(batch['inputs']))
    assert maps.shape[:2] == (2, 3) and maps.min() >= 0


@pytest.mark.parametrize(
    ('features', 'shape'), [((torch.zeros(2, 6),), r'\(2, 6\)'), (([torch.zeros(2, 6)],), 'list')]
)
def test_backbones_without_a_feature_map_are_refused(features, shape):
    with pytest.raises(ValueError, match=f"gives {shape} instead .* out_type='featmap' .* gap_bef"):
        build()(features)
