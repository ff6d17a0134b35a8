"""HRDA against a plain rendering: one window after the other, losses pixel by pixel."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.models.backbones import HRDABackbone

from . import tiny
from .tiny_views import build_optimizers, unlabeled_batch

SIZE = (64, 96)


def with_hrda(cfg: ConfigDict) -> ConfigDict:
    """A small MiT with the decoder of DAFormer, at two sizes."""
    head = dict(
        type='DAFormerHead',
        in_channels=[8, 16, 40, 64],
        embed_dims=4,
        channels=8,
        norm_cfg=dict(type='BN'),
        dropout_ratio=0,
    )
    encoder = dict(
        type='MixVisionTransformer', embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 2, 5, 8]
    )
    cfg.backbone = dict(type='HRDABackbone', backbone=encoder, crop_size=(32, 48))
    cfg.decode_head = dict(
        type='HRDAHead',
        num_classes=tiny.NUM_CLASSES,
        align_corners=False,
        lambda_detail=0.2,
        head=head,
        attention=dict(head, dilations=()),
        loss_decode=dict(type='CrossEntropyLoss'),
    )
    return cfg


def build(**kwargs) -> torch.nn.Module:
    """With scores and attention that differ clearly between places."""
    torch.manual_seed(0)
    init_default_scope('mmseg')
    cfg = with_hrda(tiny.model_cfg(**kwargs))
    for name in ('discriminator', 'semi_start'):
        cfg.pop(name)
    model = MODELS.build(cfg)
    model.init_weights()
    for part in (model.decode_head.head, model.decode_head.attention):
        torch.nn.init.normal_(part.conv_seg.weight, std=1.0)
    return model.train()


@pytest.fixture
def model():
    return build(type='EncoderDecoder')


def plain_scores(model, images, windows):
    """Fused scores and those of the last window, built up window by window."""
    encoder, head, attend = (
        model.backbone.backbone, model.decode_head.head, model.decode_head.attention
    )  # fmt: skip
    half = F.interpolate(images, [side // 2 for side in SIZE], mode='bilinear')
    context = encoder(half)
    total, count = torch.zeros(len(images), 3, 16, 24), torch.zeros(16, 24)
    inside = torch.zeros(8, 12)
    for y1, x1, y2, x2 in windows:
        scores = head(encoder(images[:, :, y1:y2, x1:x2]))
        for i in range(y1 // 4, y2 // 4):
            for j in range(x1 // 4, x2 // 4):
                total[:, :, i, j] += scores[:, :, i - y1 // 4, j - x1 // 4]
                count[i, j] += 1
                inside[i // 2, j // 2] = 1
    attention = attend(context).sigmoid() * inside
    own = F.interpolate((1 - attention) * head(context), (16, 24), mode='bilinear')
    attention = F.interpolate(attention, (16, 24), mode='bilinear')
    return own + attention * total / count.clamp(min=1), scores


def plain_loss(scores, labels, weight=None):
    """Mean over all pixels; those with 255 count in the denominator only."""
    log_p = F.interpolate(scores, labels.shape[1:], mode='bilinear').log_softmax(1)
    keep = labels != 255
    picked = log_p.gather(1, (labels * keep)[:, None])[:, 0] * keep
    return -(picked if weight is None else weight * picked).sum() / labels.numel()


def labels_of(number: int) -> torch.Tensor:
    labels = torch.randint(0, 3, (number, *SIZE))
    labels[torch.rand(labels.shape) < 0.1] = 255
    return labels


@torch.no_grad()
def test_training_has_one_window_and_a_share_of_its_loss(model):
    images, labels = torch.randn(2, 3, *SIZE), labels_of(2)
    samples = [SegDataSample(gt_sem_seg=PixelData(data=y[None])) for y in labels]
    features = model.extract_feat(images)
    (window,) = features[0].tolist()
    y1, x1, y2, x2 = window
    assert (y2 - y1, x2 - x1) == (32, 48)
    fused, detail = plain_scores(model, images, [window])
    ours = model.decode_head(features)
    torch.testing.assert_close(ours[0], fused, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours[1], detail, atol=1e-5, rtol=1e-5)
    losses = model.decode_head.loss_by_feat(ours, samples)
    expected = 0.8 * plain_loss(fused, labels)
    assert losses['loss_ce'].item() == pytest.approx(expected.item(), abs=1e-5)
    expected = 0.2 * plain_loss(detail, labels[:, y1:y2, x1:x2])
    assert losses['detail.loss_ce'].item() == pytest.approx(expected.item(), abs=1e-5)
    assert expected > 0.05


@torch.no_grad()
def test_evaluation_averages_windows_that_cover_the_image(model):
    model.eval()
    images = torch.randn(2, 3, *SIZE)
    features = model.extract_feat(images)
    rows, columns = [(0, 32), (16, 48), (32, 64)], [(0, 48), (24, 72), (48, 96)]
    windows = [[y1, x1, y2, x2] for y1, y2 in rows for x1, x2 in columns]
    assert features[0].tolist() == windows
    expected, _ = plain_scores(model, images, windows)
    torch.testing.assert_close(model.decode_head(features), expected, atol=1e-5, rtol=1e-5)
    # A window is never larger than the image.
    assert model.backbone._all_windows((16, 56)) == [[0, 0, 16, 48], [0, 8, 16, 56]]
    scores = model.encode_decode(images, [dict(img_shape=SIZE)])
    assert scores.shape == (2, 3, *SIZE)


def test_each_aligned_position_is_drawn(model):
    drawn = {tuple(model.backbone._random_window(SIZE)[0]) for _ in range(600)}
    expected = {(y, x, y + 32, x + 48) for y in range(0, 33, 8) for x in range(0, 49, 8)}
    assert drawn == expected


def test_sizes_that_cannot_be_aligned_are_refused(model):
    with pytest.raises(UserError, match='images of 64x90 .* no multiple of 8; set crops'):
        model.extract_feat(torch.randn(1, 3, 64, 90))
    with pytest.raises(UserError, match='crop_size .30, 32. must have multiples of align=8'):
        HRDABackbone(dict(type='DeepLabV2ResNet'), crop_size=(30, 32))
    model.decode_head.head = torch.nn.AvgPool2d(3, 2)
    model.decode_head.head.forward = lambda levels: levels[0][:, :3, 1:]
    with pytest.raises(UserError, match='windows of 32 rows have scores of 7 rows; HRDA needs'):
        model.decode_head(model.extract_feat(torch.randn(1, 3, 64, 96)))


def test_self_training_weights_both_parts():
    model = build(
        type='MixedSelfTraining',
        confidence_threshold=0.6,
        teacher_momentum=0.7,
        lambda_feature=0.3,
        feature_classes=(1, 2),
        mask_ratio=0.6,
        mask_block=8,
        data_preprocessor=dict(
            tiny.model_cfg().data_preprocessor, type='StrongViewsPreProcessor', views=0
        ),
    )
    data = dict(source=tiny.batch(SIZE, 2, 0, True), target=unlabeled_batch(2, 1, SIZE))
    for sample in data['source']['data_samples']:  # so that features have pure blocks
        blocks = torch.randint(0, 3, (1, 2, 3))
        sample.gt_sem_seg.data = blocks.repeat_interleave(32, 1).repeat_interleave(32, 2)
    optimizers = build_optimizers(model)
    log = tiny.train_step(model, 0, data, optimizers)
    names = {name for name in log if 'loss' in name}
    assert names == {
        'loss', 'decode.loss_ce', 'decode.detail.loss_ce', 'source.loss_feature',
        'mixed.loss_ce', 'masked.loss_ce',
    }  # fmt: skip
    assert all(torch.isfinite(value) for value in log.values()) and log['target.weight'] > 0
    for part in (model.backbone, model.decode_head.head, model.decode_head.attention):
        assert any(p.grad is None or p.grad.abs().sum() > 0 for p in part.parameters())
    # The teacher sees windows all over the image.
    features = model.teacher.network.extract_feat(torch.zeros(1, 3, *SIZE))
    assert len(features[0]) == 9

    batches = model.preprocess(data)
    with torch.no_grad():
        images, labels, weight = torch.randn(2, 3, *SIZE), labels_of(2), torch.rand(2, *SIZE)
        torch.manual_seed(3)
        found = model._cross_entropy(images, labels, weight)
        torch.manual_seed(3)
        (window,) = model.backbone._random_window(SIZE)
        fused, detail = plain_scores(model, images, [window])
        y1, x1, y2, x2 = window
        area = (slice(None), slice(y1, y2), slice(x1, x2))
        expected = 0.8 * plain_loss(fused, labels, weight)
        expected += 0.2 * plain_loss(detail, labels[area], weight[area])
        assert found.item() == pytest.approx(expected.item(), abs=1e-5)
        # L_feat is of the half-sized images alone: it is 0 of the initial network.
        model.backbone.load_state_dict(model._initial[0].state_dict())
        model.backbone.eval()
        losses = model.labeled_losses('source', batches['source'])
    assert losses['source.loss_feature'].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize('option', [dict(feature_dropout=0.5), dict(complementary=True)])
def test_features_cannot_be_dropped(option):
    with pytest.raises(UserError, match='HRDA cannot drop features; set feature_dropout=0'):
        build(type='WeakToStrong', **option)
