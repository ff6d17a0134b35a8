import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from label_efficient_seg.visualization import save_image
from label_efficient_seg.workflows import Report, html_report, pictures
from label_efficient_seg.workflows.predictions import image_iou, predict, spread


@MODELS.register_module()
class RedModel(nn.Module):
    """Class 1 where the image is red; a classifier, if it is told to be one."""

    def __init__(self, masks: bool) -> None:
        super().__init__()
        self.masks = masks

    def test_step(self, batch: dict) -> list[SegDataSample]:
        sample = batch['data_samples'][0]
        if self.masks:
            red = batch['inputs'][0][2:] > 100  # BGR
            sample.set_data(dict(pred_sem_seg=PixelData(data=red.long())))
        return [sample]


def save_mask(mask: np.ndarray, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(mask.astype(np.uint8)).save(path)


def write_run(tmp_path, masks: bool, **changes) -> tuple:
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, :2, 0] = 200
    for name in 'ab':
        save_image(image, tmp_path / 'images' / f'{name}.png')
        save_mask(image[..., 0] // 200, tmp_path / 'masks' / f'{name}.png')
    steps = ['LoadImageFromFile', 'LoadAnnotations', 'PackSegInputs']
    pipeline = [dict(type=step) for step in steps]
    dataset = dict(
        type='ImageFolderSegDataset',
        data_root=str(tmp_path),
        metainfo=dict(classes=('rest', 'red'), palette=[[0, 0, 0], [255, 0, 0]]),
        pipeline=pipeline,
    )
    cfg = dict(
        default_scope='mmseg',
        model=dict(type='RedModel', masks=masks),
        val_dataloader=dict(dataset=dataset),
    )
    Config({**cfg, **changes}).dump(tmp_path / 'config.py')
    torch.save(dict(state_dict={}), tmp_path / 'weights.pth')
    return tmp_path / 'config.py', tmp_path / 'weights.pth'


def test_images_are_predicted_once(tmp_path, monkeypatch):
    run = write_run(tmp_path, masks=True)
    found = predict(*run, number=1)
    assert list(found.masks) == [0] and len(found.dataset) == 2
    assert found.masks[0] == tmp_path / 'predictions' / '00000_a.png'
    assert np.array_equal(found.mask(0), [[1, 1, 0, 0, 0, 0]] * 4)
    calls = []
    step = RedModel.test_step
    monkeypatch.setattr(RedModel, 'test_step', lambda *args: calls.append(args) or step(*args))
    assert list(predict(*run, number=9).masks) == [0, 1]
    assert len(calls) == 1  # only what was missing
    # What is older than the weights is predicted again.
    os.utime(run[1], (time.time() + 9, time.time() + 9))
    predict(*run, number=9)
    assert len(calls) == 3


def test_images_are_spread_over_all():
    assert spread(range(10), 4) == [0, 2, 5, 7]
    assert spread(range(3), 4) == spread(range(3), 3) == [0, 1, 2]


def test_iou_of_one_image_by_hand():
    truth = np.array([[0, 0, 1, 255]])
    # Class 0: 1 of 2, class 1: 1 of 1; the false 2 counts against 0 only, the last pixel not.
    assert image_iou(np.array([[0, 2, 1, 2]]), truth, 3) == pytest.approx(75)
    assert image_iou(truth * 0, truth * 0 + 255, 3) is None


def test_the_best_and_the_worst_images_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(html_report, 'embed_image', lambda *_: ('data:', (1, 1)))
    drawn, pixel = [], np.zeros((1, 1, 3), np.uint8)
    monkeypatch.setattr(pictures, 'draw_image', lambda *args: drawn.append(args[2:]) or pixel)
    base = predict(*write_run(tmp_path, masks=True), number=2)
    for name in 'ab':  # the first is wrong everywhere, the second right
        mask = base.mask(0).copy()
        save_mask(1 - mask if name == 'a' else mask, tmp_path / f'{name}.png')
    other = base._replace(masks={0: tmp_path / 'a.png', 1: tmp_path / 'b.png'})
    report = Report('Title')
    pictures.add_extremes(report, dict(base=base, other=other), seed=4)
    html = report.to_html()
    assert 'Better in 0 images, worse in 1, equal in 1.' in html
    assert 'Where other loses most' in html and 'gains most</strong>' not in html
    ((masks, caption),) = drawn
    assert caption == 'a: -100.0' and list(masks) == ['base: IoU 100.0', 'other: IoU 0.0']
    # There is nothing to compare a single run with, and nothing to compare without masks.
    base.dataset.pipeline.transforms.pop(1)
    for group in (dict(base=base), dict(base=base, other=other)):
        pictures.add_extremes(report := Report('Title'), group, seed=4)
        assert 'Seed' not in report.to_html()


def test_what_predicts_no_masks_is_left_out(tmp_path):
    assert predict(*write_run(tmp_path, masks=False), number=1) is None
    assert predict(*write_run(tmp_path, masks=True, val_dataloader=None), number=1) is None


def test_weights_that_are_not_finite_are_refused(tmp_path):
    config, weights = write_run(tmp_path, masks=True)
    torch.save(dict(state_dict=dict(a=torch.tensor([torch.nan]))), weights)
    with pytest.raises(FloatingPointError, match=r'weights\.pth.* \(a\)'):
        predict(config, weights, number=1)
