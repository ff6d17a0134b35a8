"""Pictures of streams, on images of the toy data."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.datasets.toy import toy_root
from label_efficient_seg.engine.launch import load_config
from label_efficient_seg.jobs import browsing


def test_each_stream_gets_its_pictures(tmp_path):
    cfg = load_config('advsemi/deeplabv2_r18_toy_semi')
    found = browsing.browse_streams(cfg, tmp_path / 'a', number=3)
    names = [str(path.relative_to(tmp_path / 'a')) for path in found]
    streams = ('labeled', 'unlabeled')
    assert names == [f'{stream}/{index:04d}.png' for stream in streams for index in range(3)]
    # A stream feeds the same images whatever else is drawn.
    again = browsing.browse_streams(cfg, tmp_path / 'b', number=1, streams=['unlabeled'])
    assert [path.read_bytes() for path in again] == [found[3].read_bytes()]
    with pytest.raises(ValueError, match="has no stream 'unlabelled'; did you mean 'unlabeled'"):
        browsing.browse_streams(cfg, tmp_path / 'c', streams=['unlabelled'])


@pytest.mark.parametrize('unlabeled', [False, True])
@pytest.mark.parametrize('bgr_to_rgb', [False, True])
def test_pictures_are_what_the_model_sees(bgr_to_rgb, unlabeled, tmp_path, monkeypatch):
    seen = {}

    def remember(image, caption, **kwargs) -> np.ndarray:
        seen.update(kwargs, image=image, name=caption)
        return image

    monkeypatch.setattr(browsing, 'make_stream_panel', remember)
    cfg = load_config('advsemi/deeplabv2_r18_toy_supervised')
    loader = cfg.train_dataloader.labeled
    load = dict(type='LoadValidMask' if unlabeled else 'LoadAnnotations')
    loader.dataset.pipeline = [dict(type='LoadImageFromFile'), load, dict(type='PackSegInputs')]
    loader.batch_size = 1
    cfg.train_dataloader = loader  # a single one, as MMSegmentation has it
    cfg.model.data_preprocessor = dict(
        type='SegDataPreProcessor', mean=[100.0, 110, 120], std=[50.0, 60, 70],
        bgr_to_rgb=bgr_to_rgb, size=(200, 180), pad_val=0, seg_pad_val=255,
    )  # fmt: skip
    browsing.browse_streams(cfg, tmp_path, number=1)
    assert (tmp_path / 'train' / '0000.png').exists()
    root = Path(toy_root())
    image = np.asarray(Image.open(root / 'JPEGImages' / seen['name']).convert('RGB'))
    height, width = image.shape[:2]
    assert seen['image'].shape == (200, 180, 3)
    np.testing.assert_array_equal(seen['image'][:height, :width], image)
    if unlabeled:
        assert seen['valid'][:height, :width].all() and seen['valid'].sum() == height * width
    else:
        mask = np.asarray(Image.open(root / 'SegmentationClass' / seen['name']))
        np.testing.assert_array_equal(seen['labels'][:height, :width], mask)
        assert (seen['labels'][height:] == 255).all()
