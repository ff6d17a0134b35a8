"""Panels and features of a small SIGN model on images of the toy data."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from PIL import Image

from label_efficient_seg.jobs import sign_panels
from label_efficient_seg.jobs.image_loop import OriginalFiles, build_test_images
from label_efficient_seg.jobs.sign_panels import (
    SIGNPanelJob,
    SIGNPanelSettings,
    first_images_with,
    generated_features,
    nearest_to_own,
    principal_plane,
    pseudo_label_weights,
    real_features,
)
from label_efficient_seg.models.segmentors import SIGN
from tests.models import tiny, tiny_sign
from tests.models.tiny_sign import CHANNELS, SEEN, UNSEEN

SPEC = dict(num_train=1, num_val=6, num_target_train=1, num_target_val=1)


def config(work_dir: Path, **model) -> Config:
    """Tiny SIGN on six toy images."""
    root = Path(__file__).resolve().parents[2] / 'configs' / '_base_'
    cfg = Config.fromfile(root / 'datasets' / 'toy.py')
    cfg.merge_from_dict(Config.fromfile(root / 'default_runtime.py').to_dict())
    cfg.model = tiny_sign.model_cfg(**model)
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.test_dataloader.dataset.spec = SPEC
    cfg.test_cfg = dict(type='TestLoop')
    cfg.merge_from_dict(dict(work_dir=str(work_dir), log_level='ERROR', launcher='none'))
    return cfg


def save(model: torch.nn.Module, folder: Path) -> str:
    torch.save(dict(state_dict=model.state_dict()), folder / 'model.pth')
    return str(folder / 'model.pth')


def masks_of(cfg: Config) -> dict[str, np.ndarray]:
    """Ground truth by id, in the order of the dataset."""
    dataset = build_test_images(cfg)
    paths = [dataset.get_data_info(i)['seg_map_path'] for i in range(len(dataset))]
    return {Path(path).stem: np.asarray(Image.open(path)) for path in paths}


@pytest.mark.parametrize('weights', [True, False])
def test_files(tmp_path, monkeypatch, weights):
    if not weights:
        monkeypatch.delattr(SIGN, 'pseudo_labels')
    cfg, out = config(tmp_path), tmp_path / 'out'
    checkpoint = save(tiny_sign.build_model(), tmp_path)
    SIGNPanelJob(cfg, out, SIGNPanelSettings(checkpoint, num_images=2)).run()
    showing = [name for name, mask in masks_of(cfg).items() if np.isin(mask, UNSEEN).any()]
    panels = sorted((out / 'panels').iterdir())
    assert [path.stem for path in panels] == showing[:2]
    images = [np.asarray(Image.open(path)) for path in panels]
    assert [image.shape[1] for image in images] == [(3 + weights) * 246 + 6] * 2
    assert not np.array_equal(*images)
    assert np.asarray(Image.open(out / 'features.png')).std() > 10


def test_images_with_unseen_classes_come_first(tmp_path):
    cfg = config(tmp_path)
    shows = [(mask == 5).any() for mask in masks_of(cfg).values()]
    assert 0 < sum(shows) < len(shows)
    first = np.flatnonzero(shows).tolist()
    others = np.flatnonzero(~np.array(shows)).tolist()
    dataset = build_test_images(cfg)
    assert first_images_with((5,), dataset, 1) == first[:1]
    assert first_images_with((5,), dataset, len(first) + 1) == first + others[:1]
    assert first_images_with((5,), dataset, 100) == first + others


@pytest.mark.parametrize('thresholded', [False, True])
@pytest.mark.parametrize('padded', [False, True])
def test_weights_of_pseudo_labels(tmp_path, thresholded, padded):
    cfg = config(tmp_path)
    processor = dict(cfg.model.data_preprocessor)
    if padded:
        processor['test_cfg'] = dict(size=(160, 144))
    model = tiny_sign.build_model(temperature=4.0, data_preprocessor=processor).eval()
    dataset = build_test_images(cfg)
    mask = OriginalFiles(dataset)[0]['mask'].copy()
    mask[:20] = 255
    batch = pseudo_collate([dataset[0]])

    inputs = (batch['inputs'][0].float() - 127.5) / 64
    if padded:
        inputs = F.pad(inputs, (0, 16, 0, 32))
    with torch.no_grad():
        scores = model(inputs[None])[0].double().numpy()
    confidence = (np.exp(scores) / np.exp(scores).sum(axis=0))[list(UNSEEN)].max(axis=0)
    (high, wide), (tall, broad) = confidence.shape, inputs.shape[1:]
    expected = np.full(mask.shape, np.nan)
    for y, x in np.ndindex(mask.shape):
        # A pixel of the map has the label of one pixel of the file.
        i, j = y * high // tall, x * wide // broad
        if mask[i * tall // high, j * broad // wide] not in SEEN:
            expected[y, x] = confidence[i, j]
    pseudo = np.isfinite(expected)
    if thresholded:
        values = np.unique(expected[pseudo])
        model.confidence_threshold = values[np.diff(values).argmax() :][:2].mean()
        expected[pseudo] = expected[pseudo] > model.confidence_threshold
    else:
        expected = np.exp(4 * (expected - expected[pseudo].max()))

    found = pseudo_label_weights(model, batch, mask)
    assert 0 < pseudo.mean() < 1 and len(np.unique(expected[pseudo])) > 1
    assert np.array_equal(np.isfinite(found), pseudo)
    np.testing.assert_allclose(found[pseudo], expected[pseudo], rtol=1e-4)


def test_features_are_those_of_the_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(sign_panels, 'PER_CLASS', 30)
    cfg, model = config(tmp_path), tiny_sign.build_model().eval()
    dataset = build_test_images(cfg)
    found = real_features(model, dataset)
    pools = {label: [] for label in SEEN + UNSEEN}
    for index, mask in enumerate(masks_of(cfg).values()):
        inputs = (dataset[index]['inputs'][None].float() - 127.5) / 64
        with torch.no_grad():
            features = model.encode(model.extract_feat(inputs)).features[0].numpy()
        for i, j in np.ndindex(features.shape[1:]):
            label = mask[int(i * 128 / features.shape[1]), int(j * 128 / features.shape[2])]
            if label in pools:
                pools[label].append((index, features[:, i, j]))
    assert list(found) == [label for label in sorted(pools) if pools[label]]
    for label, features in found.items():
        images = np.array([index for index, _ in pools[label]])
        pool = np.stack([feature for _, feature in pools[label]])
        available = np.minimum(np.bincount(images), 20).sum()
        assert features.shape == (min(30, available), CHANNELS)
        gaps = np.abs(features[:, None] - pool).max(axis=2)
        assert gaps.min(axis=1).max() < 1e-5
        assert len(np.unique(gaps.argmin(axis=1))) == len(features)  # no pixel twice
    # The classes that are shown begin with the unseen ones.
    monkeypatch.setattr(sign_panels, 'MAX_CLASSES', 3)
    assert list(real_features(model, dataset)) == [1, 2, 5]


def test_generated_features_have_the_vector_of_their_class():
    model = tiny_sign.build_model().eval()
    real = {1: np.zeros((5, CHANNELS)), 4: np.zeros((3, CHANNELS))}
    seen = {}
    model.generator.register_forward_pre_hook(
        lambda _, args: seen.update({len(seen): [part[0, :, 0].T for part in args]})
    )
    found = generated_features(model, real)
    assert {label: part.shape for label, part in found.items()} == {1: (5, 8), 4: (3, 8)}
    for (vectors, noise), (label, features) in zip(seen.values(), found.items(), strict=True):
        assert torch.equal(vectors, model.embeddings[label].expand_as(vectors))
        both = torch.cat([vectors, noise], 1).T[None, :, None]
        expected = model.generator.layers(both)[0, :, 0].T.detach().numpy()
        np.testing.assert_allclose(features, expected, rtol=1e-5)
    many = generated_features(model, {2: np.zeros((4000, CHANNELS))})
    assert len(many[2]) == 4000
    noise = seen[2][1]
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02


def test_principal_plane():
    features = np.random.default_rng(0).normal(3, (5, 1, 2, 0.1), (500, 4))
    mean, axes, shares = principal_plane(features)
    np.testing.assert_allclose(mean, features.mean(0))
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-12)
    values, vectors = np.linalg.eigh(np.cov(features.T))
    np.testing.assert_allclose(shares, values[:-3:-1] / values.sum())
    np.testing.assert_allclose(np.abs(axes.T @ vectors[:, :-3:-1]), np.eye(2), atol=1e-10)


def test_nearest_to_own():
    real = {2: np.array([[0.0, 0], [0, 2]]), 7: np.array([[10.0, 1]])}
    generated = {2: np.array([[1.0, 1], [9, 1], [4, 1], [2, -3]]), 7: np.array([[8.0, 9]])}
    assert nearest_to_own(real, generated) == {2: 0.75, 7: 1.0}


class TestRefusals:
    def test_other_models(self, tmp_path):
        cfg = config(tmp_path)
        cfg.model = tiny.model_cfg()
        with pytest.raises(ValueError, match=r'toy\.py has a model of type AdvSemiSeg.*of a SIGN'):
            SIGNPanelJob(cfg, tmp_path / 'out', SIGNPanelSettings('none.pth')).run()

    def test_images_without_masks(self, tmp_path):
        cfg = config(tmp_path)
        cfg.test_dataloader.dataset.labeled = False
        with pytest.raises(ValueError, match=r'toy\.py: the images of test_dataloader have no mas'):
            SIGNPanelJob(cfg, tmp_path / 'out', SIGNPanelSettings('none.pth')).run()

    def test_no_image(self):
        with pytest.raises(ValueError, match='at least 1, but is 0'):
            SIGNPanelSettings('none.pth', num_images=0)
