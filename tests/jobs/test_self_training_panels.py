"""What models of UniMatch and MIC make of unlabeled images of the toy data."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from label_efficient_seg.engine.launch import load_config
from label_efficient_seg.jobs import self_training_panels
from label_efficient_seg.jobs.browsing import browse_streams

UNIMATCH, MIC = 'unimatch/deeplabv2_r18_toy_unimatch', 'mic/deeplabv2_r18_toy_mic'


def checkpoint(cfg, path) -> str:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.decode_head.init_weights()
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return str(path)


def draw(name, options, tmp_path, monkeypatch):
    """Pictures, and what they show."""
    shown = []

    def remember(first, confidence, others, *args, **kwargs) -> np.ndarray:
        shown.append((first, confidence, others))
        return panel(first, confidence, others, *args, **kwargs)

    panel = self_training_panels.make_self_training_panel
    monkeypatch.setattr(self_training_panels, 'make_self_training_panel', remember)
    streams = load_config(name).train_dataloader
    small = {f'train_dataloader.{stream}.batch_size': 2 for stream in streams}
    cfg = load_config(name, cfg_options=options | small)
    weights = checkpoint(cfg, tmp_path / 'model.pth')
    return browse_streams(cfg, tmp_path / 'out', 2, checkpoint=weights), shown


@pytest.mark.parametrize('teacher', [None, 0.9])
def test_views_of_unimatch(teacher, tmp_path, monkeypatch):
    options = {'model.confidence_threshold': 0.2}
    if teacher:
        options |= {'model.teacher_momentum': teacher, 'model.feature_dropout': 0}
    found, shown = draw(UNIMATCH, options, tmp_path, monkeypatch)
    names = [str(path.relative_to(tmp_path / 'out')) for path in found]
    assert names == ['unlabeled/0000.png', 'unlabeled/0001.png'] and len(shown) == 2
    assert np.asarray(Image.open(found[0])).std() > 10
    for first, confidence, others in shown:
        valid = first.labels != 255
        assert first.title == 'weak view' and valid.any()
        np.testing.assert_array_equal(first.kept, valid & (confidence >= 0.2))
        assert [lesson.title for lesson in others] == ['strong view 1', 'strong view 2']
        assert all(lesson.image.shape == first.image.shape for lesson in others)


@pytest.mark.parametrize('ratio', [0, 0.7])
def test_mixed_and_masked_images_of_mic(ratio, tmp_path, monkeypatch):
    options = {'model.mask_ratio': ratio, 'model.confidence_threshold': 0.2}
    found, shown = draw(MIC, options, tmp_path, monkeypatch)
    assert [path.parent.name for path in found] == ['target', 'target']
    for first, _, others in shown:
        weight = first.kept.sum() / (first.labels != 255).sum()
        titles = ['mixed image'] + ['masked image'] * (ratio > 0)
        assert [lesson.title for lesson in others] == [f'{t}, weight {weight:.2f}' for t in titles]
        mixed = others[0]
        # Where nothing is pasted, the labels are those of the target.
        assert 0 < (mixed.labels == first.labels).mean()
        if ratio:
            np.testing.assert_array_equal(others[1].labels, first.labels)
            colors, counts = np.unique(others[1].image.reshape(-1, 3), axis=0, return_counts=True)
            assert counts.max() > 0.3 * counts.sum()  # blocks of the mean colour


def test_other_models_are_refused(tmp_path):
    cfg = load_config('advsemi/deeplabv2_r18_toy_semi')
    with pytest.raises(ValueError, match='of type AdvSemiSeg, which makes no images of its own'):
        browse_streams(cfg, tmp_path, checkpoint='none.pth')
