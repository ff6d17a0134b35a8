"""Masks of photos, by a network that looks at one pixel, so that NumPy can predict, too."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image
from torch import nn

from label_efficient_seg import api
from label_efficient_seg.datasets import read_class_maps

CLASSES = ('dark', 'red', 'blue')
PALETTE = [[0, 0, 0], [250, 0, 0], [0, 0, 250]]
MEAN, STD = 127.5, 64.0
WEIGHTS = np.array([[-1, -1, -1], [2, -1, -0.5], [-0.75, -1, 2.5]], np.float32)  # class, RGB


@MODELS.register_module()
class PixelBackbone(nn.Module):
    """Gives the image itself."""

    def forward(self, image):
        return [image]


@MODELS.register_module()
class PixelHead(nn.Module):
    """A linear classifier of colours."""

    def __init__(self, num_classes, out_channels):
        super().__init__()
        self.num_classes, self.out_channels, self.threshold = num_classes, out_channels, 0.3
        self.align_corners = False
        self.conv_seg = nn.Conv2d(3, out_channels, 1)

    def predict(self, features, metas, test_cfg):
        return self.conv_seg(features[0])


def write_model(folder: Path, weights: np.ndarray, classes=CLASSES, palette=PALETTE) -> Path:
    folder.mkdir()
    model = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[MEAN] * 3, std=[STD] * 3, bgr_to_rgb=True
        ),
        backbone=dict(type='PixelBackbone'),
        decode_head=dict(
            type='PixelHead', num_classes=len(classes), out_channels=len(weights)
        ),
        test_cfg=dict(mode='whole'),
    )  # fmt: skip
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations'),
        dict(type='PackSegInputs'),
    ]
    Config(dict(default_scope='mmseg', model=model, test_pipeline=pipeline)).dump(
        folder / 'model.py'
    )
    state = {
        'decode_head.conv_seg.weight': torch.tensor(weights)[..., None, None],
        'decode_head.conv_seg.bias': torch.zeros(len(weights)),
    }
    meta = dict(dataset_meta=dict(classes=classes, palette=palette))
    torch.save(dict(state_dict=state, meta=meta), folder / 'model.pth')
    return folder


@pytest.fixture(scope='module')
def model(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp('models') / 'pixels', WEIGHTS)


@pytest.fixture(scope='module')
def photos(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('photos')
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (12, 17, 3), np.uint8))
    (root / 'deeper').mkdir()
    photo.save(root / 'deeper' / 'a photo.png')
    photo.convert('L').save(root / 'grey.png')
    wide = np.asarray(photo.convert('L')).astype(np.uint16) * 256
    Image.fromarray(wide).save(root / 'grey16.png')
    photo.convert('RGBA').save(root / 'rgba.png')
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.resize((17, 17)).save(root / 'turned.jpg', exif=exif)
    Image.fromarray(rng.integers(0, 256, (70, 90, 3), np.uint8)).save(root / 'large.png')
    (root / 'empty.jpg').write_bytes(b'')
    (root / 'cut.png').write_bytes((root / 'grey.png').read_bytes()[:60])
    return root


def colors_of(path: Path) -> np.ndarray:
    """RGB of a photo as a viewer shows it."""
    with Image.open(path) as image:
        if image.mode.startswith('I;16'):
            return np.asarray(image).astype(int)[..., None].repeat(3, -1) // 256
        turned = np.asarray(image.convert('RGB'))
        return np.rot90(turned, -1) if image.getexif().get(0x0112) == 6 else turned


def scores_of(path: Path) -> np.ndarray:
    return ((colors_of(path) - MEAN) / STD) @ WEIGHTS.T.astype(float)


def mask_of(out: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(out / 'masks' / f'{name}.png'))


@pytest.mark.parametrize('options', [{}, dict(batch_size=4, window=16, workers=0)])
def test_masks_of_all_photos_but_the_broken_ones(model, photos, tmp_path, options):
    failed = api.predict(str(model), [photos], tmp_path / 'out', **options)
    assert list(failed) == ['cut', 'empty'] and "cut.png' is damaged" in failed['cut']
    made = sorted(path for path in (tmp_path / 'out' / 'masks').rglob('*.png'))
    assert len(made) == 6
    for path in [photos / 'deeper' / 'a photo.png', *photos.glob('[glrt]*.*')]:
        name = path.relative_to(photos).with_suffix('').as_posix()
        assert (mask_of(tmp_path / 'out', name) == scores_of(path).argmax(-1)).all(), name
    summary = json.loads((tmp_path / 'out' / 'predict.json').read_text())
    assert summary['photos'] == 8 and list(summary['failed']) == ['cut', 'empty']
    assert summary['classes'][1] == dict(index=1, name='red', color=[250, 0, 0])
    with Image.open(made[0]) as mask:
        assert mask.getpalette()[:9] == [0, 0, 0, 250, 0, 0, 0, 0, 250]


def test_overlays_and_probabilities(model, photos, tmp_path):
    files = [photos / 'large.png', photos / 'grey.png']
    api.predict(str(model), files, tmp_path, overlay=True, probabilities=True, window=16)
    for path in files:
        exponents = np.exp(scores_of(path))
        found = read_class_maps(tmp_path / 'probabilities' / f'{path.stem}.npz').maps
        expected = exponents / exponents.sum(-1, keepdims=True)
        assert np.abs(found['probabilities'] - expected.transpose(2, 0, 1)).max() < 1e-3
        painted = np.array(PALETTE)[scores_of(path).argmax(-1)]
        shown = np.asarray(Image.open(tmp_path / 'overlays' / f'{path.stem}.jpg')).astype(int)
        # The loss of JPEG on noise is large, but not on its mean.
        assert np.abs(shown.mean((0, 1)) - ((painted + colors_of(path)) / 2).mean((0, 1))).max() < 3


def test_the_crf_joins_pixels(model, tmp_path):
    photo = np.full((20, 20, 3), (200, 30, 30), np.uint8)
    photo[10, 10] = (150, 100, 160)
    Image.fromarray(photo).save(tmp_path / 'red.png')
    assert scores_of(tmp_path / 'red.png').argmax(-1)[10, 10] == 2
    api.predict(str(model), [tmp_path / 'red.png'], tmp_path / 'out', crf=True)
    assert (mask_of(tmp_path / 'out', 'red') == 1).all()


def test_one_output_channel_for_two_classes(photos, tmp_path):
    binary = write_model(tmp_path / 'binary', WEIGHTS[1:2], CLASSES[:2], palette=None)
    api.predict(str(binary), [photos / 'grey.png'], tmp_path / 'out', probabilities=True)
    red = 1 / (1 + np.exp(-scores_of(photos / 'grey.png')[..., 1]))
    assert (mask_of(tmp_path / 'out', 'grey') == (red > 0.3)).all()
    found = read_class_maps(tmp_path / 'out' / 'probabilities' / 'grey.npz').maps['probabilities']
    assert np.abs(found - [1 - red, red]).max() < 1e-3


def test_a_second_run_does_what_is_missing_or_new(model, photos, tmp_path):
    out, source = tmp_path / 'out', tmp_path / 'photos'
    source.mkdir()
    for name in ('1', '2', '3'):
        (source / f'{name}.png').write_bytes((photos / 'grey.png').read_bytes())
        os.utime(source / f'{name}.png', (1e9, 1e9))
    api.predict(str(model), [source], out)
    times = {path.stem: path.stat().st_mtime_ns for path in (out / 'masks').iterdir()}
    (out / 'masks' / '1.png').unlink()
    (source / '2.png').write_bytes((photos / 'rgba.png').read_bytes())
    os.utime(source / '2.png', (4e9, 4e9))
    api.predict(str(model), [source], out)
    changed = {p.stem for p in (out / 'masks').iterdir() if p.stat().st_mtime_ns != times[p.stem]}
    assert changed == {'1', '2'}
    assert (mask_of(out, '2') == scores_of(photos / 'rgba.png').argmax(-1)).all()
    with pytest.raises(ValueError, match='predictions of another photos'):
        api.predict(str(model), [photos], out)


def test_command_line(model, photos, tmp_path, les, capsys):
    words = ('predict', str(model), str(photos / 'empty.jpg'), '--out', str(tmp_path))
    assert les(*words) == 1
    assert 'no mask of empty: image' in capsys.readouterr().out


def test_classes_must_be_known(model, tmp_path, photos):
    torch.save(dict(state_dict={}), tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='says which classes there are'):
        api.predict(
            str(tmp_path / 'x.pth'), [photos], tmp_path / 'out', config=str(model / 'model.py')
        )
