"""Ensembles of a small DeconvNet and of MMSeg's FCN, against NumPy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from label_efficient_seg.ops import dense_crf
from tests.models.plain_deconvnet import small
from tests.models.test_proposal_encoder_decoder import BOXES, CROP, DECONVNET_CRF

CLASSES, SIZE = 5, (60, 84)
FCN = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.5] * 3, std=[64.0] * 3),
    backbone=dict(
        type='ResNetV1c', depth=18, base_channels=4, stem_channels=4,
        norm_cfg=dict(type='SyncBN'), strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4),
    ),
    decode_head=dict(
        type='FCNHead', in_channels=32, in_index=3, channels=8, num_convs=1, num_classes=CLASSES,
    ),
    test_cfg=dict(mode='whole'),
)  # fmt: skip
DECONVNET = dict(
    type='ProposalEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[100.0, 110, 120], std=[50.0, 60, 70], bgr_to_rgb=True
    ),
    backbone=dict(type='DeconvNetVGG', base_channels=2, fc6_kernel_size=3),
    decode_head=dict(
        type='DeconvNetHead', in_channels=128, channels=2, fc6_kernel_size=3, num_classes=CLASSES
    ),
    test_cfg=dict(mode='proposal', crop_size=CROP),
)


def save_member(folder: Path, name: str, cfg: dict, weights: dict | None = None, **extra) -> dict:
    """Write a config and a checkpoint of random weights that give lively scores."""
    config = Config(dict(model=cfg))
    config.dump(folder / f'{name}.py')
    model = MODELS.build(config.model)
    model.init_weights()
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    state = dict(weights or model.state_dict(), **extra)
    torch.save(dict(state_dict=state), folder / f'{name}.pth')
    return dict(config=str(folder / f'{name}.py'), checkpoint=str(folder / f'{name}.pth'))


@pytest.fixture(scope='module')
def members(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp('members')
    init_default_scope('mmseg')
    torch.manual_seed(0)
    deconvnet = save_member(folder, 'deconvnet', DECONVNET, small(num_classes=CLASSES).state_dict())
    # A discriminator is no part of the segmentor, and is left out.
    return [deconvnet, save_member(folder, 'fcn', FCN, **{'discriminator.weight': torch.ones(2)})]


def batch(*sizes: tuple[int, int]) -> dict:
    """Raw images and their samples."""
    photos = [torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in sizes]
    shapes = [dict.fromkeys(('ori_shape', 'img_shape', 'pad_shape'), size) for size in sizes]
    samples = [SegDataSample(metainfo=dict(shape, proposals=BOXES)) for shape in shapes]
    return dict(inputs=photos, data_samples=samples)


def ensemble(members: list[dict], **kwargs) -> torch.nn.Module:
    return MODELS.build(dict(type='EnsembleSegmentor', members=members, **kwargs)).eval()


@torch.no_grad()
def member_scores(member: dict, photo: torch.Tensor) -> np.ndarray:
    """What a member says by itself."""
    model = MODELS.build(Config.fromfile(member['config']).model).eval()
    state = torch.load(member['checkpoint'])['state_dict']
    model.load_state_dict({k: v for k, v in state.items() if 'discriminator' not in k})
    shapes = dict.fromkeys(('ori_shape', 'img_shape', 'pad_shape'), tuple(photo.shape[1:]))
    sample = SegDataSample(metainfo=dict(shapes, proposals=BOXES))
    (result,) = model.test_step(dict(inputs=[photo], data_samples=[sample]))
    return result.seg_logits.data.double().numpy()


def softmax(scores: np.ndarray) -> np.ndarray:
    exp = np.exp(scores - scores.max(0))
    return exp / exp.sum(0)


@pytest.mark.parametrize('weights', [(1, 1), (3, 0.5)])
def test_mean_and_product_equal_numpy(members, weights):
    weighted = [dict(m, weight=w) for m, w in zip(members, weights, strict=True)]
    # Images of a batch need not have one size.
    data = batch(SIZE, (50, 70))
    scores = [[member_scores(m, photo) for m in members] for photo in data['inputs']]
    means = ensemble(weighted).test_step(data)
    means = [result.seg_logits.data.clone() for result in means]
    products = ensemble(weighted, mode='product').test_step(data)
    for (first, second), mean, product in zip(scores, means, products, strict=True):
        expected = weights[0] * softmax(first) + weights[1] * softmax(second)
        expected /= sum(weights)
        np.testing.assert_allclose(mean.softmax(0), expected, atol=1e-5)
        expected = np.maximum(first, 0) ** weights[0] * np.maximum(second, 0) ** weights[1]
        np.testing.assert_allclose(product.seg_logits.data, expected, rtol=1e-3, atol=1e-3)
        prediction = product.pred_sem_seg.data
        assert prediction.shape == (1, *mean.shape[1:]) and len(prediction.unique()) > 2
        assert (prediction[0].numpy() == expected.argmax(0)).mean() > 0.999


def test_one_member_predicts_as_it_does_alone(members):
    data = batch(SIZE)
    (result,) = ensemble(members[1:]).test_step(data)
    expected = member_scores(members[1], data['inputs'][0]).argmax(0)
    assert (result.pred_sem_seg.data[0].numpy() == expected).mean() > 0.999
    # Without samples, as a call with images only.
    (bare,) = ensemble(members[1:])(data['inputs'])
    assert torch.equal(bare.pred_sem_seg.data, result.pred_sem_seg.data)


def test_crf_sees_the_raw_image(members):
    data = batch(SIZE)
    scores = ensemble(members).test_step(data)[0].seg_logits.data.clone()
    (result,) = ensemble(members, crf={}).test_step(data)
    expected = dense_crf(scores[None], data['inputs'][0][None], **DECONVNET_CRF)[0]
    torch.testing.assert_close(result.seg_logits.data.softmax(0), expected, rtol=0, atol=1e-4)
    assert not torch.allclose(expected, scores.softmax(0), atol=0.01)


def test_it_has_no_weights_and_loads_members_late(members, tmp_path):
    model = ensemble([dict(members[0], checkpoint=str(tmp_path / 'none.pth'))])
    assert not model.state_dict()
    with pytest.raises(FileNotFoundError):
        model.test_step(batch(SIZE))
    model = ensemble(members)
    model.test_step(batch(SIZE))
    # Neither the members' weights nor the placeholder.
    assert not model.state_dict() and len(list(model.parameters())) == 1
    model.load_state_dict({'backbone.weight': torch.ones(2)}, strict=False)
    model.load_state_dict(model.state_dict())
    with pytest.raises(ValueError, match='only predicts; train its members'):
        model(batch(SIZE)['inputs'], mode='loss')


def test_members_with_other_classes_are_refused(members, tmp_path):
    six = dict(FCN, decode_head=dict(FCN['decode_head'], num_classes=6))
    other = save_member(tmp_path, 'six', six)
    with pytest.raises(ValueError, match=r"six.py' are \(6, 60, 84\), but .*fcn.py' \(5, 60, 84\)"):
        ensemble([members[1], other]).test_step(batch(SIZE))


def test_the_checkpoint_of_another_model_is_refused(members):
    swapped = dict(members[1], checkpoint=members[0]['checkpoint'])
    with pytest.raises(ValueError, match='is not of the EncoderDecoder of .*fcn.py'):
        ensemble([swapped]).test_step(batch(SIZE))


@pytest.mark.parametrize(
    ('members', 'kwargs', 'message'),
    [([], {}, 'no members'), ([dict(config='x')], {}, "lacks 'checkpoint'"),
     ([dict(config='x', checkpoint='y', scale=2)], {}, "no 'scale'"),
     ([dict(config='x', checkpoint='y', weight=0)], {}, 'must be positive'),
     ([dict(config='x', checkpoint='y')], dict(mode='sum'), "but is 'sum'"),
     ([dict(config='x', checkpoint='y')], dict(crf=dict(sigma=1)), "no setting 'sigma'")],
)  # fmt: skip
def test_wrong_settings_are_refused_at_once(members, kwargs, message):
    with pytest.raises(ValueError, match=message):
        ensemble(members, **kwargs)
