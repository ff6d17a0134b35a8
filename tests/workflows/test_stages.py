"""Commands, definitions and metrics of the stages, without running them."""

import json
from pathlib import Path

import pytest
import torch

from label_efficient_seg.workflows import Stage, TestStage, TrainStage, Workflow
from label_efficient_seg.workflows.stages import command_line_options

CONFIG = 'advsemi/deeplabv2_r18_toy_supervised'


def write_run(folder: Path, **series: list[float]) -> None:
    """A finished training that validated after every tenth iteration, as MMEngine writes it."""
    log = folder / '20260101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    records = [dict(loss=1.0, iter=1, step=1)]
    for index, values in enumerate(zip(*series.values(), strict=True)):
        records.append(dict(zip(series, values, strict=True), step=10 * (index + 1)))
    log.write_text('\n'.join(map(json.dumps, records)))
    for index in range(len(records) - 1):
        names = [f'best_{name}_'.replace('/', '_') for name in series]
        for name in ('', *names):
            torch.save({}, folder / f'{name}iter_{10 * (index + 1)}.pth')
    (folder / f'{Path(CONFIG).stem}.py').touch()


def test_last_checkpoint(tmp_path):
    write_run(tmp_path, aAcc=[80.0, 85.0, 84.0], mIoU=[30.0, 40.123456, 39.0], mIoU13=[1, 2, 3])
    result = TrainStage(CONFIG).collect(tmp_path)
    assert result.metrics == {'mIoU': 39.0, 'mIoU13': 3.0} and result.note == ''
    assert list(result.metrics) == ['mIoU', 'mIoU13']
    assert result.outputs == dict(
        checkpoint=tmp_path / 'iter_30.pth', config=tmp_path / 'deeplabv2_r18_toy_supervised.py'
    )


def test_metrics_of_a_classifier(tmp_path):
    write_run(tmp_path, **{'multi-label/precision': [1.0, 2.0], 'multi-label/mAP': [70.0, 87.5]})
    assert TrainStage(CONFIG).collect(tmp_path).metrics == {'multi-label/mAP': 87.5}


@pytest.mark.parametrize(
    ('criterion', 'step', 'metrics', 'how'),
    [
        ('mIoU', 20, {'mIoU': 40.1235, 'entropy': 0.3}, 'with'),
        ('entropy', 30, {'mIoU': 39.0, 'entropy': 0.1}, 'without'),
        ('aAcc', 10, {'mIoU': 30.0, 'entropy': 0.5, 'aAcc': 90.0}, 'with'),
    ],
)
def test_best_checkpoint(tmp_path, criterion, step, metrics, how):
    # Of equals the first one is the best, as for MMEngine.
    write_run(
        tmp_path,
        aAcc=[90.0, 90.0, 84.0],
        mIoU=[30.0, 40.123456, 39.0],
        entropy=[0.5, 0.3, 0.1],
    )
    stage = TrainStage(CONFIG, checkpoint='best', criterion=criterion)
    result = stage.collect(tmp_path)
    assert result.outputs['checkpoint'] == tmp_path / f'best_{criterion}_iter_{step}.pth'
    assert result.metrics == metrics
    assert result.note == f'at iteration {step}, chosen {how} the labels of the validation set'
    rule = 'less' if criterion == 'entropy' else 'greater'
    assert f'default_hooks.checkpoint.save_best={criterion}' in stage.arguments(tmp_path, 0)
    assert f'default_hooks.checkpoint.rule={rule}' in stage.arguments(tmp_path, 0)


def test_missing_checkpoints_are_named(tmp_path):
    write_run(tmp_path, mIoU=[30.0])
    (tmp_path / 'best_mIoU_iter_10.pth').unlink()
    with pytest.raises(RuntimeError, match='left no checkpoint .*best_mIoU_iter_10.pth'):
        TrainStage(CONFIG, checkpoint='best', criterion='mIoU').collect(tmp_path)
    (tmp_path / 'iter_10.pth').unlink()
    with pytest.raises(RuntimeError, match='left no checkpoint'):
        TrainStage(CONFIG).collect(tmp_path)


@pytest.mark.parametrize(
    'settings', [dict(checkpoint='first'), dict(checkpoint='best'), dict(criterion='mIoU')]
)
def test_best_needs_a_criterion_and_only_best_has_one(settings):
    with pytest.raises(ValueError, match="'last', or 'best' together with a criterion"):
        TrainStage(CONFIG, **settings)


def train(work_dir: str, seed: int = 0, **settings):
    stages = [dict(dict(name='a', type='TrainStage', config=CONFIG), **settings)]
    return Workflow(stages, work_dir, seeds=[seed]).nodes[0]


def test_commands():
    node = train('work', seed=3, cfg_options={'train_cfg.max_iters': 7})
    options = ['--cfg-options', 'train_cfg.max_iters=7', 'randomness.seed=3']
    training = ['train', CONFIG, '--work-dir', 'work/a_seed3', '--resume', *options]
    assert node.command() == ['les', *training]
    launcher = '-m torch.distributed.run --standalone --nproc_per_node 4 --module --'.split()
    launcher.append('label_efficient_seg')
    assert node.command(processes=4) == ['python', *launcher, *training, '--launcher', 'pytorch']
    assert node.stage.steps == 7
    assert train('work', seed=3, seed_offset=1000).command()[-1] == 'randomness.seed=1003'
    assert train('work', amp=True).command()[6:8] == ['--amp', '--cfg-options']


def test_definition_is_all_that_determines_the_result(tmp_path):
    one = train('work').definition
    assert one == train('elsewhere').definition == train('work', name='b').definition
    copy = tmp_path / 'copy.py'
    copy.write_text(
        (Path('configs') / f'{CONFIG}.py')
        .read_text()
        .replace("'../", f"'{Path().absolute()}/configs/")
    )
    assert train('work', config=str(copy)).definition == one
    others = [
        train('work', seed=1),
        train('work', seed_offset=2),
        train('work', cfg_options={'train_cfg.max_iters': 7}),
        train('work', checkpoint='best', criterion='mIoU'),
        train('work', amp=True),
    ]
    assert len({one, *(node.definition for node in others)}) == 6


def test_definition_follows_the_files_of_a_config(tmp_path):
    (tmp_path / 'base.py').write_text('train_cfg = dict(max_iters=3)\n')
    (tmp_path / 'child.py').write_text("_base_ = 'base.py'\n# a comment\n")
    one = train('work', config=str(tmp_path / 'child.py'))
    (tmp_path / 'child.py').write_text("_base_ = 'base.py'\n")
    two = train('work', config=str(tmp_path / 'child.py'))
    (tmp_path / 'base.py').write_text('train_cfg = dict(max_iters=4)\n')
    three = train('work', config=str(tmp_path / 'child.py'))
    assert one.definition == two.definition != three.definition
    assert (two.stage.steps, three.stage.steps) == (3, 4)


def test_config_of_another_stage():
    stages = [
        dict(name='a', type='TrainStage', config=CONFIG),
        dict(name='b', type='TestStage', config='{a.config}', checkpoint='{a.checkpoint}'),
        dict(name='c', type='TrainStage', config='{a.config}', cfg_options=dict(resume=False)),
    ]
    nodes = Workflow(stages, 'work', cfg_options={'train_cfg.max_iters': 9}).nodes
    assert [node.stage.steps for node in nodes] == [9, Stage.steps, Stage.steps]
    assert nodes[1].command()[2:4] == ['{a.config}', '{a.checkpoint}']
    assert all('train_cfg.max_iters=9' in node.command() for node in nodes)


def test_amp_is_for_the_trainings():
    stages = [
        dict(name='a', type='TrainStage', config=CONFIG),
        dict(name='b', type='TestStage', config=CONFIG, checkpoint='{a.checkpoint}'),
    ]
    training, test = Workflow(stages, 'work', amp=True).nodes
    assert '--amp' in training.command() and '--amp' not in test.command()


def read_back(words: list[str]) -> dict:
    """What a tool makes of its options."""
    from argparse import ArgumentParser

    from mmengine.config import DictAction

    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    return parser.parse_args(words).cfg_options


def test_options_arrive_as_they_were():
    options = {
        'a.b': 1, 'c': 1e-4, 'd': True, 'e': None, 'f': 'text', 'g': [1, 'x'], 'h': (1, 2),
        'i': [(1, 2), (3,)], 'j': [], 'k': dict(l=1, m=dict(n='x/y-z_0.pth')), 'o': '{a.b}',
    }  # fmt: skip
    flat = {k: v for k, v in options.items() if k != 'k'} | {'k.l': 1, 'k.m.n': 'x/y-z_0.pth'}
    read = read_back(command_line_options(options))
    assert read == flat and [type(read[k]) for k in flat] == [type(v) for v in flat.values()]
    assert command_line_options({}) == []


@pytest.mark.parametrize(
    'value', ['1', 'None', 'a, b', 'a b', '(,', {}, [dict(a=1)], '"a"', [' a']]
)
def test_options_that_would_arrive_as_others_are_refused(value):
    with pytest.raises(ValueError, match='key=.*cannot be given on a command line'):
        command_line_options({'key': value})
    with pytest.raises(ValueError, match="stage 'a': train_cfg.x=.*cannot be given"):
        train('work', cfg_options={'train_cfg.x': value})


def test_a_test_without_readable_metrics_is_no_result(tmp_path):
    stage = TestStage(CONFIG, 'a.pth')
    with pytest.raises(RuntimeError, match=f'the test in {tmp_path} left no metrics'):
        stage.collect(tmp_path)
    file = tmp_path / '20260101_000000' / '20260101_000000.json'
    file.parent.mkdir()
    file.write_text('{"mIoU": 41.5}6}')  # what two processes at once may leave
    with pytest.raises(RuntimeError, match='left no metrics'):
        stage.collect(tmp_path)
    file.write_text('{"mIoU": 41.5}')
    assert stage.collect(tmp_path).metrics == {'mIoU': 41.5}
