"""Methods ask any head of MMSegmentation for its own losses: equal to those of its segmentors."""

import sys

import mmseg
import pytest
import torch

from label_efficient_seg.core.config_index import resource_root

sys.path.insert(0, str(resource_root() / 'dev'))

import model_families  # noqa: E402

BACKBONE = dict(
    type='ResNetV1c', depth=18, base_channels=4, stem_channels=4, norm_cfg=dict(type='BN')
)


def model(decode_head, **kwargs) -> dict:
    """A segmentor for the small backbone."""
    preprocessor = dict(type='SegDataPreProcessor', size=(32, 32), seg_pad_val=255)
    return dict(
        type='EncoderDecoder',
        data_preprocessor=preprocessor,
        backbone=BACKBONE,
        decode_head=decode_head,
        test_cfg=dict(mode='whole'),
        **kwargs,
    )


def head(kind: str, **kwargs) -> dict:
    """A small decode head for the last level of the backbone."""
    cfg = dict(in_channels=32, in_index=3, channels=8, num_classes=3, norm_cfg=dict(type='BN'))
    return dict(dict(cfg, type=kind), **kwargs)


def cascade(**last) -> dict:
    """A cascade of two heads."""
    return dict(
        model([head('FCNHead', num_convs=1), last]), type='CascadeEncoderDecoder', num_stages=2
    )


OHEM = dict(type='OHEMPixelSampler', thresh=0.9, min_kept=100)
MODELS = dict(
    several_maps=model(head('DAHead', pam_channels=4)),
    a_vector_beside_the_map=model(
        head('EncHead', num_codes=4, in_channels=(16, 32), in_index=(2, 3)),
        auxiliary_head=[head('FCNHead'), head('FCNHead', in_channels=16, in_index=2)],
    ),
    cascade=cascade(**head('OCRHead', ocr_channels=4)),
    points=cascade(
        **head('PointHead', in_channels=[4], in_index=[0], num_fcs=1, norm_cfg=None),
    )
    | dict(
        train_cfg=dict(num_points=64, oversample_ratio=3, importance_sample_ratio=0.75),
        test_cfg=dict(
            mode='whole', subdivision_steps=2, subdivision_num_points=16, scale_factor=2
        ),
    ),
    binary=model(
        head(
            'FCNHead', num_classes=2, out_channels=1, threshold=0.5,
            loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True),
        )
    ),
    class_weights=model(
        head('FCNHead', loss_decode=dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0, 0.5]))
    ),
    hard_pixels=model(head('FCNHead', sampler=OHEM)),
)  # fmt: skip


@pytest.fixture(autouse=True)
def registered() -> None:
    model_families.prepare()


@pytest.mark.parametrize('method', list(model_families.METHODS))
@pytest.mark.parametrize('name', list(MODELS))
def test_supervised_losses_are_those_of_mmsegmentation(name, method):
    if name == 'class_weights' and mmseg.__version__ == '1.2.2':
        pytest.skip('this MMSegmentation looks up the class weight of ignored pixels')
    cfg = model_families.ConfigDict(MODELS[name])
    models = model_families.build(cfg, method)
    iterations = list(model_families.losses_of(*models, cfg, 32))
    assert len(iterations) == 2
    for losses in iterations:
        assert losses
        for loss, (found, expected) in losses.items():
            assert found == expected > 0, loss


@pytest.mark.parametrize('name', ['several_maps', 'a_vector_beside_the_map', 'cascade', 'points'])
def test_class_scores_are_what_the_model_predicts(name):
    model, plain = model_families.build(model_families.ConfigDict(MODELS[name]), 'AdvSemiSeg')
    model.eval()
    plain.load_state_dict({k: model.state_dict()[k] for k in plain.state_dict()})
    images = torch.randn(2, 3, 32, 32)
    found = model.upsample(model.logits(model.extract_feat(images)), images)
    metas = [dict(img_shape=(32, 32), pad_shape=(32, 32))] * 2
    expected = plain.eval().encode_decode(images, metas)
    assert found.shape == (2, 3, 32, 32) and found.std() > 0
    assert torch.equal(found, expected)
    assert torch.equal(model.encode_decode(images, metas), expected)


@pytest.mark.parametrize(
    'refused',
    [
        head('MaskFormerHead'),
        head('SideAdapterCLIPHead'),
        # Their losses are those of the head inside.
        dict(
            type='IterativeDecodeHead', num_stages=0, kernel_update_head=[],
            kernel_generate_head=head('FCNHead'),
        ),
        head('FCNHead', num_classes=1, out_channels=1, threshold=0.5),
    ],
    ids=['MaskFormer', 'SAN', 'K-Net', 'regression'],
)  # fmt: skip
@pytest.mark.parametrize('method', list(model_families.METHODS))
def test_what_does_not_score_pixels_is_refused_in_one_sentence(refused, method):
    kind = refused['type']
    message = f'head {kind} does not give each pixel one score per class .*SAN.* do not; methods'
    with pytest.raises(TypeError, match=message):
        model_families.build(model_families.ConfigDict(model(refused)), method)


def test_stages_of_a_cascade_are_counted():
    cfg = model_families.ConfigDict(MODELS['cascade'], num_stages=3)
    with pytest.raises(ValueError, match='num_stages is 3, but decode_head has 2 configs; give'):
        model_families.build(cfg, 'AdvSemiSeg')
