"""Published models give the predictions of the trained ones where this package is absent."""

import copy
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.apis import init_model
from mmseg.registry import MODELS

from label_efficient_seg.core.errors import UserError
from label_efficient_seg.engine import launch, publish, published_config
from label_efficient_seg.engine.module_copies import copy_modules
from label_efficient_seg.models.segmentors import SIGN, AdvSemiSeg

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


@pytest.fixture
def trial_here(monkeypatch) -> None:
    """Tries published models in this process; another one takes seconds to start."""

    def run(command: list[str], **options) -> SimpleNamespace:
        config, weights, probe = command[-3:]
        inputs = torch.load(probe)
        model = init_model(config, weights, device='cpu')
        with torch.no_grad():
            torch.save(model.encode_decode(inputs['inputs'], inputs['metas']), probe)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(publish.subprocess, 'run', run)


def train(cfg: Config, path: Path, classes: tuple = CLASSES) -> torch.nn.Module:
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
    meta = dict(dataset_meta=dict(classes=classes, palette=PALETTE), seed=0)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
    return model.eval()


def predict(cfg: Config, model: torch.nn.Module, image: np.ndarray) -> torch.Tensor:
    steps = [dict(type='LoadImageFromNDArray'), dict(type='PackSegInputs')]
    data = Compose(steps)(dict(img=image))
    with torch.no_grad():
        batch = dict(inputs=[data['inputs']], data_samples=[data['data_samples']])
        return model.test_step(batch)[0].seg_logits.data


def test_round_trip_where_this_package_is_absent(cfg, tmp_path, trial_here):
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
        (package,) = folder.glob(f'{config.stem}_*')
        assert sorted(folder.iterdir()) == sorted([folder / config.name, package, weights])

    image = np.random.default_rng(0).integers(0, 256, (61, 90, 3), dtype=np.uint8)
    np.save(tmp_path / 'image.npy', image)
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    arguments = json.dumps(folders), str(tmp_path / 'image.npy'), str(tmp_path / 'out.npz')
    process = subprocess.Popen(
        [sys.executable, '-c', READER, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    output, _ = process.communicate()
    assert process.returncode == 0, output[-3000:]

    expected = predict(cfg, model, image)
    assert len(expected.argmax(0).unique()) > 1
    found = np.load(tmp_path / 'out.npz')
    for name in folders:
        # Another process may get memory of another alignment, and so sum in another order.
        np.testing.assert_allclose(found[name], expected.numpy(), rtol=1e-5, atol=1e-4)
        assert np.array_equal(found[f'{name}_inferencer'], expected.argmax(0).numpy())
        assert found[f'{name}_classes'].tolist() == list(CLASSES)
        assert found[f'{name}_palette'].tolist() == PALETTE


def test_only_the_segmentors_weights_are_written(cfg, tmp_path, trial_here):
    train(cfg, tmp_path / 'a.pth')
    config = publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
    published = torch.load(config.with_suffix('.pth'))
    trained = torch.load(tmp_path / 'a.pth')['state_dict']
    expected = {name for name in trained if not name.startswith('discriminator.')}
    assert published['state_dict'].keys() == expected < trained.keys()
    assert published['meta'].keys() == {'dataset_meta'}
    plain = Config.fromfile(config, import_custom_modules=False)
    assert plain.model.type == 'EncoderDecoder' and 'discriminator' not in plain.model
    text = ''.join(path.read_text() for path in config.parent.rglob('*.py'))
    assert 'label_efficient_seg' not in text and 'LoadCheckedAnnotations' not in text


def test_teacher_is_published_in_place_of_the_student(cfg, tmp_path, trial_here):
    options = {name: value for name, value in SMALL.items() if 'discriminator' not in name}
    options.update({'model.feature_dropout': 0.0, 'model.teacher_momentum': 0.9})
    taught = launch.load_config('unimatch/deeplabv2_r18_toy_unimatch', cfg_options=options)
    model = train(taught, tmp_path / 'a.pth')
    config = publish.publish(taught, str(tmp_path / 'a.pth'), tmp_path / 'out', teacher=True)
    weights = torch.load(config.with_suffix('.pth'))['state_dict']
    expected = model.teacher.network.state_dict()
    assert weights.keys() == expected.keys()
    for name, value in weights.items():
        assert torch.equal(value, expected[name]), name
    assert not torch.equal(weights['backbone.conv1.weight'], model.backbone.conv1.weight)
    train(cfg, tmp_path / 'b.pth')
    with pytest.raises(UserError, match='AdvSemiSeg has no teacher'):
        publish.publish(cfg, str(tmp_path / 'b.pth'), tmp_path / 'other', teacher=True)


def test_networks_of_mmseg_need_no_module(tmp_path, trial_here):
    # Of an input that it cannot halve twice, this network makes no prediction.
    unet = dict(
        type='UNet', base_channels=4, num_stages=3, strides=(1,) * 3, enc_num_convs=(1,) * 3,
        dec_num_convs=(1,) * 2, downsamples=(True,) * 2, enc_dilations=(1,) * 3,
        dec_dilations=(1,) * 2,
    )  # fmt: skip
    head = dict(type='FCNHead', in_channels=4, channels=4, num_convs=1, num_classes=len(CLASSES))
    cfg = Config(
        dict(
            model=dict(
                type='EncoderDecoder',
                backbone=unet,
                decode_head=head,
                data_preprocessor=dict(type='SegDataPreProcessor', size=(36, 52)),
                test_cfg=dict(mode='whole'),
            ),
            test_dataloader=several_datasets(),
        )
    )
    train(cfg, tmp_path / 'a.pth')
    config = publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
    names = sorted(path.name for path in config.parent.iterdir())
    assert names == ['segmentor.pth', 'segmentor.py']
    assert 'custom_imports' not in config.read_text()
    types = [transform.type for transform in Config.fromfile(config).test_pipeline]
    assert types == ['LoadImageFromFile', 'LoadAnnotations', 'PackSegInputs']


def test_head_that_imports_from_a_package(tmp_path, trial_here):
    small = dict(in_channels=[8, 16, 40, 64], embed_dims=8, channels=8, norm_cfg=dict(type='BN'))
    cfg = launch.load_config(
        'mic/hrda_mit-b5_gta5-to-cityscapes_mic',
        cfg_options={
            'model.backbone.backbone.init_cfg': None,
            'model.backbone.backbone.embed_dims': 8,
            'model.backbone.backbone.num_layers': [1, 1, 1, 1],
            'model.backbone.crop_size': (64, 64),
            'model.decode_head.num_classes': len(CLASSES),
            **{
                f'model.decode_head.{part}.{key}': value
                for part in ('head', 'attention')
                for key, value in small.items()
            },
            'model.test_cfg': dict(mode='whole', _delete_=True),
            'model.lambda_feature': 0,
        },
    )
    model = train(cfg, tmp_path / 'a.pth')
    model.test_cfg = cfg.model.test_cfg
    config = publish.publish(cfg, tmp_path / 'a.pth', tmp_path / 'published')
    assert list(config.parent.rglob('loss_part.py'))
    plain = init_model(str(config), str(config.with_suffix('.pth')), device='cpu')
    images, metas = torch.randn(1, 3, 64, 96), [dict(img_shape=(64, 96))]
    with torch.no_grad():
        expected = model.encode_decode(images, metas)
        torch.testing.assert_close(plain.encode_decode(images, metas), expected)


def several_datasets() -> dict:
    names = ('LoadImageFromFile', 'LoadCheckedAnnotations', 'PackSegInputs')
    dataset = dict(type='BaseSegDataset', pipeline=[dict(type=name) for name in names])
    return dict(dataset=dict(type='ConcatDataset', datasets=[dataset, dataset]))


def test_names_are_data(cfg, tmp_path, trial_here):
    path, classes = tmp_path / "it's mine.py", ('{{ fileDirname }}', "'quoted'", '{{$HOME:x}}')
    cfg.dump(path)
    cfg = Config.fromfile(path)
    train(cfg, tmp_path / 'a.pth', classes)
    # The name of the folder too.
    folder = tmp_path / 'a "folder" of mine\\'
    config = publish.publish(cfg, str(tmp_path / 'a.pth'), folder)
    assert config == folder / "it's mine.py"
    model = init_model(str(config), str(config.with_suffix('.pth')), device='cpu')
    assert tuple(model.dataset_meta['classes']) == classes
    metainfo = model.cfg.test_dataloader.dataset.metainfo
    assert tuple(metainfo.classes) == classes


def test_copies_and_originals_do_not_collide(cfg, tmp_path, monkeypatch, trial_here):
    original = MODELS.get('DeepLabV2Head')
    trained = train(cfg, tmp_path / 'a.pth')
    models = []
    for version in (1, 2):
        # As if the networks had changed between two releases.
        monkeypatch.setattr(
            published_config,
            'copy_modules',
            lambda names, version=version: {
                path: f'{source}\nVERSION = {version}\n'
                for path, source in copy_modules(names).items()
            },
        )
        config = publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / str(version))
        models.append(init_model(str(config), str(config.with_suffix('.pth')), device='cpu'))
    heads = [type(model.decode_head) for model in models]
    assert [sys.modules[head.__module__].VERSION for head in heads] == [1, 2]
    assert MODELS.get('DeepLabV2Head') is original is type(trained.decode_head)


OWN_HEAD = """
from mmseg.models.decode_heads import FCNHead
from mmseg.registry import MODELS
{more}


@MODELS.register_module(force=True)
class HeadOfMine(FCNHead):
    pass
"""


def with_own_head(cfg: Config, tmp_path: Path, more: str, monkeypatch) -> Config:
    name = f'heads_{len(more)}_of_mine'
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / f'{name}.py').write_text(OWN_HEAD.format(more=more))
    monkeypatch.syspath_prepend(str(tmp_path / 'mine'))
    monkeypatch.setenv('PYTHONPATH', str(tmp_path / 'mine'))
    importlib.import_module(name)
    head = dict(type='HeadOfMine', in_channels=32, channels=4, num_convs=1)
    cfg.model.decode_head = dict(head, num_classes=len(CLASSES))
    train(cfg, tmp_path / 'a.pth')
    return cfg


def test_head_of_a_users_module(cfg, tmp_path, monkeypatch):
    cfg = with_own_head(cfg, tmp_path, '', monkeypatch)
    config = publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
    plain = Config.fromfile(config, import_custom_modules=False)
    assert plain.custom_imports.imports[0] == 'heads_0_of_mine'
    assert config.read_text().splitlines()[0].endswith('needs MMSegmentation and heads_0_of_mine.')


@pytest.mark.parametrize('name', ['DeconvNetVGG', 'ResNet38', 'FCN8sHead', 'HRDAHead'])
def test_copies_need_only_what_they_import(name, tmp_path, monkeypatch):
    component = MODELS.get(name)
    files = copy_modules([component.__module__])
    assert len(files) < 20 and '' in {source.strip() for source in files.values()}
    for file, source in files.items():
        path = tmp_path / 'copied' / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module(component.__module__.replace('label_efficient_seg', 'copied'))
    assert getattr(module, name) is not component is MODELS.get(name)
    for imported in [found for found in sys.modules if found.partition('.')[0] == 'copied']:
        del sys.modules[imported]


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

    @pytest.mark.parametrize('value', [float('nan'), float('inf')])
    def test_weights_that_are_no_numbers(self, value, cfg, tmp_path):
        model = train(cfg, tmp_path / 'a.pth')
        with torch.no_grad():
            model.decode_head.convs[0].bias[1] = value
        torch.save(dict(state_dict=model.state_dict()), tmp_path / 'a.pth')
        with pytest.raises(FloatingPointError, match=r'a\.pth.*decode_head\.convs\.0\.bias'):
            publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
        assert self.nothing_left(tmp_path)

    def test_predictions_that_differ(self, cfg, tmp_path, monkeypatch, trial_here):
        class Doubled(AdvSemiSeg):
            def encode_decode(self, *args):
                return 2 * super().encode_decode(*args)

        monkeypatch.setitem(MODELS.module_dict, 'Doubled', Doubled)
        cfg.model.type = 'Doubled'
        train(cfg, tmp_path / 'a.pth')
        with pytest.raises(ValueError, match='differs from the trained one by .*nothing was'):
            publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
        assert self.nothing_left(tmp_path)

    def test_own_head_that_needs_this_package(self, cfg, tmp_path, monkeypatch):
        cfg = with_own_head(cfg, tmp_path, 'import label_efficient_seg', monkeypatch)
        with pytest.raises(ValueError, match="alone .*No module named 'label_efficient_seg'"):
            publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
        assert not (tmp_path / 'out').exists()

    def test_transform_that_mmseg_lacks(self, cfg, tmp_path):
        train(cfg, tmp_path / 'a.pth')
        cfg.test_dataloader.dataset.pipeline.insert(1, dict(type='LoadValidMask'))
        with pytest.raises(ValueError, match='test pipeline has LoadValidMask, which MMSeg'):
            publish.publish(cfg, str(tmp_path / 'a.pth'), tmp_path / 'out')
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
        with pytest.raises(ValueError, match=f'{name} cannot be pub.*{needs}.*les test or in'):
            publish.publish(cfg, 'gone.pth', tmp_path / 'out')
        assert not list(tmp_path.iterdir())

    def test_modules_that_import_their_package_absolutely(self, tmp_path, monkeypatch):
        package = tmp_path / 'absolute'
        package.mkdir()
        (package / '__init__.py').write_text('')
        (package / 'other.py').write_text('x = 1\n')
        (package / 'head.py').write_text('import os\nfrom absolute.other import x\n')
        monkeypatch.syspath_prepend(str(tmp_path))
        with pytest.raises(ValueError, match=r'absolute\.head imports absolute by its.* line 2'):
            copy_modules(['absolute.head'])
