"""A value that a config or an option sets reaches the streams, or is refused."""

from pathlib import Path

import mmseg
import pytest
from mmengine.config import Config

from label_efficient_seg.core import config_files
from label_efficient_seg.core.config_index import get_config_path, list_configs
from label_efficient_seg.core.config_variables import read_config, settings
from label_efficient_seg.core.errors import UserError
from label_efficient_seg.engine.errors import check_keys
from label_efficient_seg.engine.launch import load_config

VOC = 'advsemi/deeplabv2_r101_voc_semi'


def child_of(name: str, text: str, folder: Path) -> str:
    """A config in a folder of its own that inherits from a shipped one."""
    path = folder / 'child.py'
    base = '{{$LABEL_EFFICIENT_SEG_CONFIGS:}}/' + name + '.py'
    path.write_text(f"_base_ = '{base}'\n{text}\n")
    return str(path)


def loaders(cfg: Config) -> dict:
    return dict(cfg.train_dataloader, val=cfg.get('val_dataloader'), test=cfg.test_dataloader)


def found(cfg: Config, option: str) -> dict:
    """What the streams hold of an option, by stream."""
    streams = {name: loader for name, loader in loaders(cfg).items() if loader}
    if option == 'batch_size':
        return {name: loader.batch_size for name, loader in streams.items()}
    key = dict(labeled_list='ann_file').get(option, option)
    datasets = {name: loader.dataset for name, loader in streams.items()}
    if key == 'crop_size':
        return {
            name: step.crop_size
            for name, dataset in datasets.items()
            for step in dataset.pipeline
            if step.type == 'RandomCrop'
        }
    if key == 'pipeline':
        return {
            name: [step.type for step in dataset.pipeline] for name, dataset in datasets.items()
        }
    return {name: dataset.get(key) for name, dataset in datasets.items()}


SHORT = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
VALUES = dict(
    labeled_list='mine.txt',
    train_list='mine.txt',
    crop_size=(65, 73),
    metainfo=dict(classes=('background', 'cat')),
    train_pipeline=SHORT,
    source_pipeline=SHORT,
    target_pipeline=SHORT,
    batch_size=3,
    data_root='/mine',
    source_root='/mine',
)
# The streams that an option must reach, by config; None where it must be refused.
REACHED = {
    'advsemi/deeplabv2_r101_voc_semi': dict(
        labeled_list=['labeled'],
        crop_size=['labeled', 'unlabeled'],
        metainfo=None,
        train_pipeline=['labeled'],
        batch_size=['labeled', 'unlabeled'],
        data_root=['labeled', 'unlabeled', 'val', 'test'],
    ),
    'intrada/deeplabv2_r101_gta5-to-cityscapes_advent': dict(
        labeled_list=None,
        train_list=['target'],
        crop_size=None,
        metainfo=None,
        train_pipeline=None,
        source_pipeline=['source'],
        target_pipeline=['target'],
        batch_size=['source', 'target'],
        source_root=['source'],
        data_root=['target', 'val', 'test'],
    ),
    'affinitynet/mobilenetv2_voc-animals_affinity': dict(
        labeled_list=None,
        train_list=['labeled', 'test'],
        crop_size=['labeled'],
        metainfo=['labeled', 'test'],
        train_pipeline=['labeled'],
        batch_size=['labeled'],
        data_root=['labeled', 'test'],
    ),
}
CASES = [(name, option) for name, options in REACHED.items() for option in options]


def kind(option: str) -> str:
    """What of a stream an option is about."""
    ends = dict(list='labeled_list', pipeline='pipeline', root='data_root')
    return ends.get(option.rpartition('_')[2], option)


@pytest.mark.parametrize(('name', 'option'), CASES)
def test_a_variable_reaches_the_streams_or_is_refused(name, option, tmp_path):
    value, streams = VALUES[option], REACHED[name][option]
    child = child_of(name, f'{option} = {value!r}', tmp_path)
    calls = [lambda: load_config(child), lambda: load_config(name, cfg_options={option: value})]
    for call in calls:
        if streams is None:
            with pytest.raises(
                UserError, match=f"'{option}'.*(set train_dataloader|did you mean|see the config)"
            ):
                call()
            continue
        expected = found(load_config(name), kind(option))
        types = [step['type'] for step in value] if value is SHORT else value
        cfg = call()
        assert cfg[option] == value
        assert found(cfg, kind(option)) == expected | dict.fromkeys(streams, types)


def test_crops_are_padded_to_their_size_and_excluded_lists_follow(tmp_path):
    child = child_of(VOC, "crop_size = (65, 73)\nlabeled_list = 'mine.txt'", tmp_path)
    unlabeled = load_config(child).train_dataloader.unlabeled.dataset
    assert [step['size'] for step in unlabeled.pipeline if step.type == 'Pad'] == [(73, 65)]
    assert unlabeled.exclude == 'mine.txt'


def test_values_pass_through_several_files(tmp_path):
    middle = Path(child_of(VOC, 'batch_size = 3', tmp_path)).rename(tmp_path / 'middle.py')
    last = tmp_path / 'last.py'
    last.write_text("_base_ = './middle.py'\ncrop_size = (65, 65)\n")
    cfg = load_config(str(last), cfg_options={'labeled_list': 'mine.txt', 'batch_size': 4})
    labeled = cfg.train_dataloader.labeled
    assert (labeled.batch_size, labeled.dataset.ann_file) == (4, 'mine.txt')
    assert load_config(str(middle)).train_dataloader.labeled.batch_size == 3
    assert cfg.filename == str(last)


def test_a_part_of_a_variable(tmp_path):
    name = 'affinitynet/mobilenetv2_voc-animals_affinity'
    cfg = load_config(name, cfg_options={'metainfo.classes': ['a', 'b']})
    assert cfg.test_dataloader.dataset.metainfo.classes == ['a', 'b']


def test_own_variables_of_a_config(tmp_path):
    text = 'size = (65, 65)\ntrain_cfg = dict(max_iters=size[0])'
    assert load_config(child_of(VOC, text, tmp_path)).train_cfg.max_iters == 65
    with pytest.raises(UserError, match="sets 'labeledd_list', .*did you mean 'labeled_list'"):
        load_config(child_of(VOC, "labeledd_list = 'mine.txt'", tmp_path))


def test_a_name_that_a_base_has_for_something_else(tmp_path):
    (tmp_path / 'first.py').write_text('train_cfg = dict(target=dict(size=3))\n')
    base, child = tmp_path / 'base.py', tmp_path / 'child.py'
    own = (
        'target = _base_.train_cfg.target\nother = 1\nmodel = dict(size=target.size, other=other)\n'
    )
    base.write_text("_base_ = './first.py'\n" + own)
    child.write_text("_base_ = './base.py'\ntarget = 5\nother = 2\nval_cfg = dict(n=target)\n")
    clash = f"'target', a variable that '{base}' has, too; .*'int' object has no attribute 'size'"
    with pytest.raises(UserError, match=f"config '{child}' sets {clash}.*Choose another name"):
        read_config(child)
    with pytest.raises(UserError, match=f'an option sets {clash}'):
        read_config(base, dict(target=5))
    child.write_text("_base_ = './base.py'\ntarget = dict(size=7)\n")
    assert read_config(child).model.size == 7


def test_a_written_config_refuses_variables(tmp_path):
    path = tmp_path / 'config.py'
    load_config(VOC).dump(path)
    assert load_config(str(path)).model.type == 'AdvSemiSeg'
    with pytest.raises(
        UserError, match=r"'batch_size' .*set train_dataloader\.labeled\.batch_size"
    ):
        load_config(str(path), cfg_options=dict(batch_size=3))


def test_shipped_configs_have_one_value_of_each_variable(tmp_path, monkeypatch):
    # What plain MMEngine loads is what the tools train, from wherever the files are copied to.
    monkeypatch.setattr(config_files, 'resource_root', lambda: tmp_path)
    for name in list_configs():
        path = get_config_path(name)
        cfg = settings(read_config(path))
        assert cfg == settings(Config.fromfile(path)), name
        check_keys(cfg, {})


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('train_cfg.max_iter', "did you mean 'max_iters'"),
        ('model.semi_strt', "did you mean 'semi_start'"),
        ('model.test_cfg.mod', "did you mean 'mode'"),
        ('default_hooks.checkpoint.intervall', "did you mean 'interval'"),
        ('default_hooks.checkpointt.interval', "did you mean 'checkpoint'"),
        ('train_dataloader.labeledd.batch_size', "did you mean 'labeled'"),
        ('train_dataloader.labeled.dataset.anne_file', "did you mean 'ann_file'"),
        ('optim_wrapper.segmentor.optimizer.weight_decai', "did you mean 'weight_decay'"),
        ('advsemi.semi_start', "set 'model.semi_start' instead of 'advsemi.semi_start'"),
    ],
)
def test_misspelt_and_leftover_keys_are_refused(key, message, tmp_path):
    *path, last = key.split('.')[1:]
    value = f'dict({last}=1)'
    for part in reversed(path):
        value = f'dict({part}={value})'
    child = child_of(VOC, f'{key.partition(".")[0]} = {value}', tmp_path)
    for call in (lambda: load_config(child), lambda: load_config(VOC, cfg_options={key: 1})):
        with pytest.raises(UserError, match=message):
            call()


def test_base_files_of_mmseg(tmp_path):
    bases = Path(mmseg.__file__).parent / '.mim' / 'configs' / '_base_'
    names = (
        'models/fcn_r50-d8',
        'datasets/pascal_voc12',
        'default_runtime',
        'schedules/schedule_20k',
    )
    path = tmp_path / 'child.py'
    path.write_text(
        f'_base_ = {[str(bases / f"{name}.py") for name in names]}\ncrop_size = (64, 48)\n'
        'model = dict(data_preprocessor=dict(size=crop_size))\n'
    )
    steps = load_config(str(path)).train_dataloader.dataset.pipeline
    assert [step.crop_size for step in steps if step.type == 'RandomCrop'] == [(64, 48)]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (
            "_base_ = '../_base_/default_runtime.py'",
            r"inherits from '../_base_/default_runtime.py', which does not exist; write "
            r"'\{\{\$LABEL_EFFICIENT_SEG_CONFIGS:\}\}/_base_/default_runtime.py'",
        ),
        ("_base_ = ['nope.py']", "'nope.py', which does not exist; a path is relative to"),
        ("_base_ = 'to_{{$TARGET:rain}}.py'", "environment has TARGET=fog; unset it for 'rain'"),
        ("_base_ = 'mmseg::a.py'", "exist; give the path of the file in place of 'mmseg'::"),
        ('model = dict(\n', "child.py', line 1: '\\(' was never closed"),
    ],
)
def test_files_that_cannot_be_read(text, message, tmp_path, monkeypatch):
    monkeypatch.setenv('TARGET', 'fog')
    path = tmp_path / 'child.py'
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_config(str(path))
