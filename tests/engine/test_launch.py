"""What the tools do with a config before anything is built."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from label_efficient_seg.core.config_index import get_config_path
from label_efficient_seg.engine import launch
from tests.test_configs import TRAINED

CONFIG = 'advsemi/deeplabv2_r18_toy_semi'


@pytest.fixture
def cfg() -> Config:
    return launch.load_config(CONFIG)


class TestLoadConfig:
    def test_by_name_and_by_path(self, tmp_path, monkeypatch):
        path = tmp_path / 'mine.py'
        path.write_text(f'_base_ = {str(get_config_path(CONFIG))!r}\nmodel = dict(semi_start=7)\n')
        assert launch.load_config(f'{CONFIG}.py').model == launch.load_config(CONFIG).model
        assert launch.load_config(str(path)).model.semi_start == 7
        # A folder that has the name of a config does not hide it.
        monkeypatch.chdir(tmp_path)
        (tmp_path / CONFIG).mkdir(parents=True)
        assert launch.load_config(CONFIG).model.type == 'AdvSemiSeg'

    def test_unknown_name(self):
        with pytest.raises(FileNotFoundError, match=f'did you mean .*{CONFIG}'):
            launch.load_config('advsemi/deeplabv2_r18_toy_sem')

    def test_work_dir(self, tmp_path):
        assert launch.load_config(CONFIG).work_dir == 'work_dirs/deeplabv2_r18_toy_semi'
        path = tmp_path / 'mine.py'
        path.write_text("work_dir = 'here'\nmodel = dict(type='A')\n")
        assert launch.load_config(str(path)).work_dir == 'here'
        assert launch.load_config(str(path), 'there').work_dir == 'there'
        options = dict(work_dir='elsewhere')
        assert launch.load_config(str(path), cfg_options=options).work_dir == 'elsewhere'
        assert launch.load_config(str(path), 'there', cfg_options=options).work_dir == 'there'

    def test_options_and_launcher(self):
        options = {'model.semi_start': 3, 'train_dataloader.labeled.batch_size': 5}
        cfg = launch.load_config(CONFIG, launcher='pytorch', cfg_options=options)
        assert cfg.model.semi_start == 3 and cfg.train_dataloader.labeled.batch_size == 5
        assert cfg.launcher == 'pytorch'
        # Arguments of the runner need not stand in the config.
        options = {'auto_scale_lr.enable': True, 'experiment_name': 'a'}
        assert launch.load_config(CONFIG, cfg_options=options).auto_scale_lr.enable

    @pytest.mark.parametrize('key', ['modle.semi_start', 'val_dataloder', 'modle'])
    def test_unknown_option(self, key):
        name = 'val_dataloader' if key.startswith('val') else 'model'
        with pytest.raises(ValueError, match=f"option '{key}': .*did you mean '{name}'"):
            launch.load_config(CONFIG, cfg_options={key: 1})

    def test_data_root_reaches_all_datasets(self):
        cfg = launch.load_config(
            'advsemi/deeplabv2_r101_voc_semi', cfg_options=dict(data_root='/x')
        )
        streams = *cfg.train_dataloader.values(), cfg.val_dataloader, cfg.test_dataloader
        assert [stream.dataset.data_root for stream in streams] == ['/x'] * 4

    def test_source_root_reaches_the_source_alone(self):
        cfg = launch.load_config(
            'intrada/deeplabv2_r101_synthia-to-cityscapes_advent',
            cfg_options=dict(source_root='/s', data_root='/t'),
        )
        streams = *cfg.train_dataloader.values(), cfg.val_dataloader, cfg.test_dataloader
        assert [stream.dataset.data_root for stream in streams] == ['/s', '/t', '/t', '/t']


def test_inference_configs_are_not_trained(cfg):
    launch.check_trainable(cfg)
    with pytest.raises(ValueError, match=r"edeconvnet_toy\.py' trains nothing"):
        launch.check_trainable(launch.load_config('deconvnet/edeconvnet_toy'))


class TestAmp:
    # The optimizers of a method are the same in all of its configs.
    @pytest.mark.parametrize('name', [name for name in TRAINED if '_toy_' in name])
    @pytest.mark.parametrize('gpu', [True, False])
    def test_switches_every_optimizer(self, name, gpu, monkeypatch):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
        cfg = launch.load_config(name)
        launch.enable_amp(cfg)
        optim = cfg.optim_wrapper
        wrappers = [optim]
        if 'constructor' in optim:
            adversarial = 'discriminator' in cfg.model
            wrappers = [optim[k] for k in ('segmentor', 'discriminator')[: 1 + adversarial]]
        for wrapper in wrappers:
            if gpu:
                assert wrapper.type == 'AmpOptimWrapper' and wrapper.loss_scale == 'dynamic'
            else:
                assert wrapper.type == 'AutocastOptimWrapper' and 'loss_scale' not in wrapper

    def test_keeps_a_loss_scale_and_refuses_other_wrappers(self, cfg, monkeypatch):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
        cfg.optim_wrapper.segmentor.update(type='AmpOptimWrapper', loss_scale=512.0)
        cfg.optim_wrapper.discriminator.type = 'AutocastOptimWrapper'
        launch.enable_amp(cfg)
        assert cfg.optim_wrapper.segmentor.loss_scale == 512
        assert cfg.optim_wrapper.discriminator.type == 'AutocastOptimWrapper'
        cfg.optim_wrapper.discriminator.type = 'ApexOptimWrapper'
        with pytest.raises(ValueError, match="the config has 'ApexOptimWrapper'"):
            launch.enable_amp(cfg)

    def test_a_cpu_has_no_use_for_settings_of_a_gpu(self, cfg, monkeypatch):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
        wrapper = cfg.optim_wrapper.segmentor
        wrapper.update(type='AmpOptimWrapper', loss_scale=512.0, dtype='float16')
        launch.enable_amp(cfg)
        assert wrapper.type == 'AutocastOptimWrapper'
        assert not {'loss_scale', 'dtype'} & {*wrapper}

    def test_channels_last_is_set_once(self, cfg):
        hooks = list(cfg.custom_hooks)
        launch.enable_amp(cfg)
        assert cfg.custom_hooks == [*hooks, dict(type='ChannelsLastHook')]
        launch.enable_amp(cfg)
        assert len(cfg.custom_hooks) == len(hooks) + 1


def test_resume(cfg, tmp_path):
    cfg.work_dir, cfg.load_from = str(tmp_path), 'pretrained.pth'
    launch.set_resume(cfg)
    assert (cfg.load_from, cfg.resume) == ('pretrained.pth', False)
    torch.save({}, tmp_path / 'iter_3.pth')
    launch.set_resume(cfg)
    assert (cfg.load_from, cfg.resume) == (str(tmp_path / 'iter_3.pth'), True)


class TestPrepareTest:
    def test_only_the_test_is_left(self, cfg):
        cfg.resume = True  # as a resumed training leaves it in its folder
        launch.prepare_test(cfg, 'a.pth')
        assert cfg.load_from == 'a.pth' and not cfg.resume and cfg.model.type == 'AdvSemiSeg'
        for name in ('train_dataloader', 'optim_wrapper', 'val_evaluator', 'model_wrapper_cfg'):
            assert name not in cfg
        assert cfg.test_evaluator == dict(type='IoUMetric', iou_metrics=['mIoU'])

    def test_outputs(self, cfg):
        launch.prepare_test(cfg, 'a.pth', out='predictions', show_dir='panels')
        assert cfg.test_evaluator.output_dir == 'predictions'
        assert cfg.default_hooks.visualization.draw
        assert cfg.default_hooks.visualization.out_dir == 'panels'

    @pytest.mark.parametrize('name', ['IoUMetric', 'SubsetIoUMetric', 'mmseg.ZeroShotIoUMetric'])
    def test_output_of_several_metrics(self, name, cfg):
        cfg.test_evaluator = [dict(type='EntropyMetric'), dict(type=name)]
        launch.prepare_test(cfg, 'a.pth', out='predictions')
        assert 'output_dir' not in cfg.test_evaluator[0]
        assert cfg.test_evaluator[1].output_dir == 'predictions'
        cfg.test_evaluator = dict(type='EntropyMetric')
        with pytest.raises(ValueError, match='--out needs an IoUMetric'):
            launch.prepare_test(cfg, 'a.pth', out='predictions')

    def test_augmentation(self, cfg):
        model = cfg.model
        launch.prepare_test(cfg, 'a.pth', tta=True)
        assert cfg.model.type == 'SegTTAModel' and cfg.model.module == model
        assert cfg.test_dataloader.dataset.pipeline == cfg.tta_pipeline
        cfg.pop('tta_pipeline')
        with pytest.raises(ValueError, match='--tta needs tta_model and tta_pipeline'):
            launch.prepare_test(cfg, 'a.pth', tta=True)


class TestBuildRunner:
    @pytest.fixture(autouse=True)
    def no_runner(self, monkeypatch, tmp_path):
        def pretend(cfg):
            return SimpleNamespace(cfg=cfg, log_dir=tmp_path / 'log')

        monkeypatch.setattr(launch.Runner, 'from_cfg', pretend)

    def test_one_batch_size_for_several_streams_is_refused(self, cfg):
        cfg.auto_scale_lr = dict(enable=True, base_batch_size=16)
        with pytest.raises(ValueError, match=r'auto_scale_lr\.enable .*one per stream'):
            launch.build_runner(cfg)
        cfg.auto_scale_lr.enable = False
        assert launch.build_runner(cfg).cfg is cfg
        # Neither a test nor a plain MMSeg config has anything against it.
        launch.prepare_test(cfg, 'a.pth')
        cfg.auto_scale_lr = dict(enable=True, base_batch_size=16)
        assert launch.build_runner(cfg).cfg is cfg
        cfg.model = dict(type='EncoderDecoder')
        cfg.train_dataloader = dict(batch_size=16, dataset=dict(type='ToyDataset'))
        assert launch.build_runner(cfg).cfg is cfg

    @pytest.mark.parametrize(
        ('path', 'name', 'message'),
        [
            ('model', 'lambda_sime', r"model.lambda_sime: AdvSemiSeg .* mean 'lambda_semi'"),
            ('model.decode_head', 'dilation', r"model.decode_head.dilation: .* mean 'dilations'"),
            ('model.decode_head', 'aling_corners', r"DeepLabV2Head .* mean 'align_corners'"),
            ('model.discriminator.network', 'qqq', r"FCDiscriminator .*'qqq'; remove it"),
        ],
    )
    def test_misspelt_argument_of_the_model(self, cfg, monkeypatch, path, name, message):
        from mmseg.registry import MODELS

        monkeypatch.setattr(launch.Runner, 'from_cfg', lambda cfg: MODELS.build(cfg.model))
        cfg.merge_from_dict({f'{path}.{name}': 1})
        with pytest.raises(ValueError, match=message):
            launch.build_runner(cfg)

    def test_other_type_errors_pass(self, cfg, monkeypatch):
        def fail(cfg):
            raise TypeError("f() got an unexpected keyword argument 'elsewhere'")

        monkeypatch.setattr(launch.Runner, 'from_cfg', fail)
        with pytest.raises(TypeError, match='elsewhere'):
            launch.build_runner(cfg)
