"""Published models give the predictions of the trained ones where this package is absent."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.registry import MODELS

from label_efficient_seg.engine import launch, publish
from label_efficient_seg.models.segmentors import SIGN

CLASSES, PALETTE = ('sky', 'road', 'tree'), [[0, 0, 200], [90, 90, 90], [0, 150, 0]]
SMALL = {
    'model.backbone.init_cfg': None,
    'model.backbone.base_channels': 4,
    'model.backbone.stem_channels': 4,
    'model.decode_head.in_channels': 32,
    'model.decode_head.num_classes': len(CLASSES),
    'model.discriminator.network.channels': 2,
}
# Loads each published folder the two ways MMSeg offers, and saves what the model predicts.
READER = """
import json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == 'label_efficient_seg':
            raise ImportError(f'{name} is not installed here')

sys.meta_path.insert(0, Absent())
import numpy as np
from mmseg.apis import MMSegInferencer, inference_model, init_model

folders, image, out = json.loads(sys.argv[1]), np.load(sys.argv[2]), {}
for name, (config, weights) in folders.items():
    model = init_model(config, weights, device='cpu')
    result = inference_model(model, image)
    inferencer = MMSegInferencer(config, weights, device='cpu')
    out[name] = result.seg_logits.data.numpy()
    out[name + '_inferencer'] = inferencer(image)['predictions']
    assert model.dataset_meta['classes'] == inferencer.model.dataset_meta['classes']
    out[name + '_classes'] = model.dataset_meta['classes']
    out[name + '_palette'] = model.dataset_meta['palette']
assert 'label_efficient_seg' not in sys.modules
np.savez(sys.argv[3], **out)
"""


@pytest.fixture
def cfg() -> Config:
    return launch.load_config('advsemi/deeplabv2_r18_toy_semi', cfg_options=SMALL)


def train(cfg: Config, path: Path) -> torch.nn.Module:
    """A model with random weights and statistics, saved as training does."""
    arguments = copy.deepcopy(cfg.model)
    arguments.backbone.pop('init_cfg', None)  # nothing is downloaded here
    model = MODELS.build(arguments)
    model.init_weights()
    for name, tensor in model.state_dict().items():
        if name.endswith('running_var'):
            tensor.uniform_(0.5, 2)
        elif name.endswith('running_mean') or ('decode_head' in name and 'num_' not in name):
            tensor.normal_(0, 0.3)
    meta = dict(dataset_meta=dict(classes=CLASSES, palette=PALETTE), seed=0)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
    return model.eval()


def predict(cfg: Config, model: torch.nn.Module, image: np.ndarray) -> torch.Tensor:
    steps = [dict(type='LoadImageFromNDArray'), dict(type='PackSegInputs')]
    data = Compose(steps)(dict(img=image))
    with torch.no_grad():
        batch = dict(inputs=[data['inputs']], data_samples=[data['data_samples']])
        return model.test_step(batch)[0].seg_logits.data


def test_round_trip_where_this_package_is_absent(cfg, tmp_path):
    model = train(cfg, tmp_path / 'a.pth')
    folders = {}
    for file_format in ('pth', 'safetensors'):
        config = publish.publish(
            cfg, str(tmp_path / 'a.pth'), tmp_path / 'before' / file_format, file_format
        )
        # The folder can be moved.
        folder = tmp_path / file_format
        config.parent.rename(folder)
        weights = (folder / config.name).with_suffix(f'.{file_format}')
        folders[file_format] = [str(folder / config.name), str(weights)]
        (module,) = folder.glob(f'{config.stem}_*.py')
        assert sorted(folder.iterdir()) == sorted([folder / config.name, module, weights])

    image = np.random.default_rng(0).integers(0, 256, (61, 90, 3), dtype=np.uint8)
    np.save(tmp_path / 'image.npy', image)
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    arguments = json.dumps(folders), str(tmp_path / 'image.npy'), str(tmp_path / 'out.npz')
    process = subprocess.run(
        [sys.executable, '-c', READER, *arguments],
        capture_output=True, text=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr[-3000:]

    expected = predict(cfg, model, image)
    assert len(expected.argmax(0).unique()) > 1
    found = np.load(tmp_path / 'out.npz')
    for name in folders:
        # Another process may get memory of another alignment, and so sum in another order.
        np.testing.assert_allclose(found[name], expected.numpy(), rtol=1e-5, atol=1e-4)
        assert np.array_equal(found[f'{name}_inferencer'], expected.argmax(0).numpy())
        assert found[f'{name}_classes'].tolist() == list(CLASSES)
        assert found[f'{name}_palette'].tolist() == PALETTE


def test_only_the_segmentors_weights_are_written(cfg, tmp_path):
    train(cfg, tmp_path / 'a.pth')
    config = publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
    published = torch.load(config.with_suffix('.pth'))
    trained = torch.load(tmp_path / 'a.pth')['state_dict']
    expected = {name for name in trained if not name.startswith('discriminator.')}
    assert published['state_dict'].keys() == expected < trained.keys()
    assert published['meta'].keys() == {'dataset_meta'}
    plain = Config.fromfile(config, import_custom_modules=False)
    assert plain.model.type == 'EncoderDecoder' and 'discriminator' not in plain.model
    text = ''.join(path.read_text() for path in config.parent.glob('*.py'))
    assert 'label_efficient_seg' not in text and 'LoadCheckedAnnotations' not in text


def test_networks_of_mmseg_need_no_module(tmp_path):
    cfg = launch.load_config('advsemi/segformer_mit-b0_voc_semi')
    cfg.model.decode_head.num_classes = len(CLASSES)
    train(cfg, tmp_path / 'a.pth')
    config = publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
    names = sorted(path.name for path in config.parent.iterdir())
    assert names == [f'segformer_mit-b0_voc_semi.{suffix}' for suffix in ('pth', 'py')]
    assert 'custom_imports' not in config.read_text()


class TestRefusals:
    def nothing_left(self, tmp_path) -> bool:
        return [path.name for path in tmp_path.iterdir()] == ['a.pth']

    def test_folder_with_content(self, cfg, tmp_path):
        (tmp_path / 'out').mkdir()
        (tmp_path / 'out' / 'mine.txt').write_text('mine')
        with pytest.raises(FileExistsError, match=f'{tmp_path}/out.* is not empty; choose a new'):
            publish.publish(cfg, 'a.pth', tmp_path / 'out')
        assert (tmp_path / 'out' / 'mine.txt').read_text() == 'mine'

    def test_checkpoint_of_another_config(self, cfg, tmp_path):
        train(cfg, tmp_path / 'a.pth')
        other = cfg.copy()
        other.model = dict(cfg.model, auxiliary_head=cfg.model.decode_head)
        with pytest.raises(ValueError, match=r'is not of this config: 8 tensors are missing'):
            publish.publish(other, str(tmp_path / 'a.pth'), tmp_path / 'out')
        other = cfg.copy()
        other.model = {k: v for k, v in cfg.model.items() if k != 'discriminator'}
        other.model.update(type='EncoderDecoder')
        for key in ('lambda_adv_labeled', 'lambda_adv_unlabeled', 'lambda_semi', 'adv_start',
                    'semi_start', 'confidence_threshold', 'discriminate_unlabeled'):  # fmt: skip
            other.model.pop(key)
        with pytest.raises(ValueError, match=r'is not of this config.*are unknown'):
            publish.publish(other, str(tmp_path / 'a.pth'), tmp_path / 'out')
        assert self.nothing_left(tmp_path)

    def test_checkpoint_with_other_shapes(self, cfg, tmp_path):
        train(cfg, tmp_path / 'a.pth')
        cfg.model.decode_head.num_classes = 5
        with pytest.raises(
            ValueError, match=r'9 have another shape .*\(3, 32, 3, 3\) instead of \(5'
        ):
            publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
        assert self.nothing_left(tmp_path)

    def test_checkpoint_without_classes(self, cfg, tmp_path):
        model = train(cfg, tmp_path / 'a.pth')
        torch.save(dict(state_dict=model.state_dict()), tmp_path / 'a.pth')
        with pytest.raises(ValueError, match='does not say which classes it has'):
            publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
        torch.save(model.state_dict(), tmp_path / 'a.pth')
        with pytest.raises(ValueError, match='does not say which classes it has'):
            publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
        assert self.nothing_left(tmp_path)

    def test_failed_check_leaves_nothing_behind(self, cfg, tmp_path, monkeypatch):
        train(cfg, tmp_path / 'a.pth')
        write = publish._write_weights

        def write_others(path, weights, meta):
            write(path, {name: 1.01 * tensor for name, tensor in weights.items()}, meta)

        monkeypatch.setattr(publish, '_write_weights', write_others)
        for file_format in ('pth', 'safetensors'):
            with pytest.raises(ValueError, match='differs from the trained one by .*nothing was'):
                publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out', file_format)
            assert self.nothing_left(tmp_path)

    @pytest.mark.parametrize(
        ('name', 'needs'),
        [
            ('SIGN', 'spatial information module'),
            ('OwnSIGN', 'spatial information module'),
            ('WordProjectionHead', 'word vectors'),
            ('CAMSegmentor', 'class activation maps'),
            ('ProposalEncoderDecoder', 'proposals'),
        ],
    )
    def test_predictions_that_a_plain_model_cannot_make(
        self, name, needs, cfg, tmp_path, monkeypatch
    ):
        monkeypatch.setitem(MODELS.module_dict, 'OwnSIGN', type('OwnSIGN', (SIGN,), {}))
        node = cfg.model.decode_head if name == 'WordProjectionHead' else cfg.model
        node.type = name
        # It is not even tried to read the checkpoint.
        with pytest.raises(ValueError, match=f'{name} cannot be pub.*{needs}.*tools/test.py or in'):
            publish.publish(cfg, 'gone.pth', tmp_path / 'out')
        assert not list(tmp_path.iterdir())

    def test_networks_that_need_this_package(self):
        with pytest.raises(ValueError, match='imports from this package'):
            publish._own_modules(dict(type='AdvSemiSeg'))
