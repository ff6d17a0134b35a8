"""Inference by proposals, against a loop that has one map of the whole image per proposal."""

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from label_efficient_seg.ops import dense_crf
from tests.models.plain_deconvnet import small
from tests.ops.test_proposal_aggregation import triangle

SIZE, CROP, CLASSES = (60, 84), (64, 70), 5
BOXES = np.float32(
    [[5, 6, 40, 50], [20.4, 10.2, 83, 59], [0, 0, 84, 60], [30, 30, 34, 33], [70, 2, 70, 30]]
)
PREPROCESSOR = dict(
    type='SegDataPreProcessor', mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0], bgr_to_rgb=True
)
DECONVNET_CRF = dict(bilateral_weight=5, bilateral_sigma=20, color_sigma=3)


@pytest.fixture(scope='module')
def trained():
    torch.manual_seed(0)
    return small(num_classes=CLASSES)


def segmentor(trained, preprocessor: dict | None = None, **test_cfg):
    """The small network with ``test_cfg``; proposals at the size CROP by default."""
    settings = dict(mode='proposal', crop_size=CROP)
    same = dict(fc6_kernel_size=3)
    cfg = ConfigDict(
        type='ProposalEncoderDecoder',
        data_preprocessor=preprocessor,
        backbone=dict(type='DeconvNetVGG', base_channels=2, **same),
        decode_head=dict(
            type='DeconvNetHead', in_channels=128, channels=2, num_classes=CLASSES, **same
        ),
        test_cfg=settings | test_cfg,
    )
    model = MODELS.build(cfg).eval()
    model.load_state_dict(trained.state_dict())
    return model


def sample(proposals=BOXES, size=SIZE, **meta) -> SegDataSample:
    shapes = dict(ori_shape=size, img_shape=size, pad_shape=size, img_path='x.jpg')
    return SegDataSample(metainfo=shapes | dict(proposals=proposals) | meta)


@torch.no_grad()
def plain_scores(network, image: torch.Tensor, boxes: np.ndarray, aggregation='max', enlarge=1.2):
    """Scores of one image (3, H, W), written down as in the paper."""
    height, width = image.shape[1:]
    maps = [np.zeros((CLASSES, height, width))]
    for x1, y1, x2, y2 in boxes.astype(float):
        if x1 == x2 or y1 == y2:
            continue
        w, h, x, y = (x2 - x1) * enlarge, (y2 - y1) * enlarge, (x1 + x2) / 2, (y1 + y2) / 2
        left, top = max(round(x - w / 2), 0), max(round(y - h / 2), 0)
        right, bottom = min(round(x + w / 2), width), min(round(y + h / 2), height)
        crop = torch.from_numpy(triangle(image[:, top:bottom, left:right].double().numpy(), CROP))
        scores = network(crop[None].float())[0].double().numpy()
        full = np.zeros_like(maps[0])
        full[:, top:bottom, left:right] = triangle(scores, (bottom - top, right - left))
        maps.append(full)
    return np.max(maps, 0) if aggregation == 'max' else np.sum(maps, 0)


@pytest.mark.parametrize('aggregation', ['max', 'sum'])
@pytest.mark.parametrize('batch_size', [1, 3, 8])
def test_equals_one_map_per_proposal(trained, aggregation, batch_size):
    model = segmentor(trained, aggregation=aggregation, batch_size=batch_size)
    images = torch.randn(2, 3, *SIZE)
    lists = [BOXES, BOXES[1::2]]
    results = model.predict(images, [sample(boxes) for boxes in lists])
    for image, boxes, result in zip(images, lists, results, strict=True):
        expected = plain_scores(trained, image, boxes, aggregation)
        assert expected.std() > 0.1
        np.testing.assert_allclose(result.seg_logits.data, expected, rtol=1e-5, atol=1e-5)
        same = result.pred_sem_seg.data[0].numpy() == expected.argmax(0)
        assert same.mean() > 0.999


def test_the_best_proposals_are_taken(trained):
    image = torch.randn(1, 3, *SIZE)
    model = segmentor(trained, num_proposals=2)
    (result,) = model.predict(image, [sample()])
    expected = plain_scores(trained, image[0], BOXES[:2])
    np.testing.assert_allclose(result.seg_logits.data, expected, rtol=1e-5, atol=1e-5)
    # The fourth is too small, the fifth empty.
    model = segmentor(trained, min_size=10, enlarge=1.5)
    (result,) = model.predict(image, [sample()])
    expected = plain_scores(trained, image[0], BOXES[:3], enlarge=1.5)
    np.testing.assert_allclose(result.seg_logits.data, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    'proposals', [np.zeros((0, 4), np.float32), [], BOXES[4:], BOXES[:1] + 200]
)
def test_without_a_proposal_all_is_background(trained, proposals):
    for crf in (None, {}):
        (result,) = segmentor(trained, crf=crf).predict(
            torch.randn(1, 3, *SIZE), [sample(proposals)]
        )
        assert not result.seg_logits.data.any() and not result.pred_sem_seg.data.any()
        assert result.pred_sem_seg.data.shape == (1, *SIZE)


def test_proposals_are_those_of_the_file_whatever_the_pipeline_did(trained):
    model = segmentor(trained)
    image = torch.randn(1, 3, *SIZE)
    (plain,) = model.predict(image, [sample()])
    # The file is twice as large, and the scores are resized to it.
    (larger,) = model.predict(image, [sample(2 * BOXES, ori_shape=(120, 168))])
    expected = triangle(plain.seg_logits.data.numpy(), (120, 168))
    np.testing.assert_allclose(larger.seg_logits.data, expected, atol=1e-4)
    # Zeros that the data preprocessor has padded to the right and to the bottom.
    padded = torch.nn.functional.pad(image, (0, 7, 0, 5))
    (found,) = model.predict(padded, [sample(padding_size=[0, 7, 0, 5])])
    torch.testing.assert_close(found.seg_logits.data, plain.seg_logits.data)
    assert found.seg_logits.data.any()


@pytest.mark.parametrize(('direction', 'axis'), [('horizontal', 3), ('vertical', 2)])
def test_proposals_follow_a_flip(trained, direction, axis):
    model, image = segmentor(trained), torch.randn(1, 3, *SIZE)
    boxes = BOXES[:2].round() + np.float32([0, 0, 1, 0])  # no edge at half a pixel
    (found,) = model.predict(image, [sample(boxes, flip=True, flip_direction=direction)])
    mirrored, limit = boxes.copy(), SIZE[::-1][3 - axis]
    low, high = (0, 2) if axis == 3 else (1, 3)
    mirrored[:, low], mirrored[:, high] = limit - boxes[:, high], limit - boxes[:, low]
    expected = plain_scores(trained, image[0], mirrored)
    expected = np.flip(expected, axis - 1)
    np.testing.assert_allclose(found.seg_logits.data, expected, rtol=1e-5, atol=1e-5)


def test_crf(trained):
    photo = torch.randint(0, 256, (1, 3, *SIZE), dtype=torch.uint8)
    batch = dict(inputs=list(photo), data_samples=[sample()])
    before = segmentor(trained, PREPROCESSOR).test_step(batch)[0].seg_logits.data
    scores = before.clone()
    for crf, settings in (({}, DECONVNET_CRF), (dict(color_sigma=9.0), DECONVNET_CRF)):
        batch = dict(inputs=list(photo), data_samples=[sample()])
        result = segmentor(trained, PREPROCESSOR, crf=crf).test_step(batch)[0]
        expected = dense_crf(scores[None], photo.flip(1), **settings | crf)[0]
        torch.testing.assert_close(result.seg_logits.data.softmax(0), expected, rtol=0, atol=1e-4)
        assert torch.equal(result.pred_sem_seg.data[0], expected.argmax(0))
        assert not torch.allclose(expected, scores.softmax(0), atol=0.01)


@torch.no_grad()
def test_other_modes_are_those_of_the_encoder_decoder(trained):
    image = torch.randn(1, 3, *SIZE)
    (whole,) = segmentor(trained, mode='whole').predict(image, [sample(None)])
    torch.testing.assert_close(whole.seg_logits.data, trained(image)[0])
    slide = segmentor(trained, mode='slide', crop_size=(60, 84), stride=(30, 30))
    (slid,) = slide.predict(image, [sample(None)])
    torch.testing.assert_close(slid.seg_logits.data, trained(image)[0])
    with_crf = segmentor(trained, mode='whole', crf={})
    (refined,) = with_crf.predict(image, [sample(None)])
    expected = dense_crf(whole.seg_logits.data[None], image, **DECONVNET_CRF)[0]
    torch.testing.assert_close(refined.seg_logits.data.softmax(0), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ('proposals', 'message'),
    [(None, "image 'x.jpg' comes without proposals: put LoadProposals"),
     (np.zeros((3, 5)), r"'x.jpg': proposals have shape \(3, 5\)"),
     (BOXES * np.nan, "'x.jpg': .* NaN")],
)  # fmt: skip
def test_bad_proposals(trained, proposals, message):
    with pytest.raises(ValueError, match=message):
        segmentor(trained).predict(torch.randn(1, 3, *SIZE), [sample(proposals)])


@pytest.mark.parametrize(
    ('settings', 'message'),
    [(dict(num_proposal=5), "no 'num_proposal'; there are num_proposals, "),
     (dict(batch_size=0), 'batch_size of test_cfg must be at least 1, but is 0'),
     (dict(enlarge=0.5), 'enlarge of test_cfg'), (dict(aggregation='mean'), "but is 'mean'"),
     (dict(crf=dict(sigma=3)), "no setting 'sigma'; there are iterations")],
)  # fmt: skip
def test_wrong_settings_are_refused_at_once(trained, settings, message):
    with pytest.raises(ValueError, match=message):
        segmentor(trained, **settings)
