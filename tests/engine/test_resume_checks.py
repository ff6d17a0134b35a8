"""What may change between a run and the one that resumes from it."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from label_efficient_seg.core.errors import UserError
from tests.engine.small_run import weight_in


def config(work_dir: Path, max_iters: int = 6, **changes: object) -> Config:
    loader = dict(batch_size=1, num_workers=0, dataset=dict(type='SmallDataset'))
    cfg = Config(
        dict(
            model=dict(type='SmallModel'),
            work_dir=str(work_dir),
            train_dataloader=dict(loader, sampler=dict(type='InfiniteSampler')),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=max_iters),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0, momentum=0.5)),
            param_scheduler=[
                dict(type='LinearLR', start_factor=0.5, begin=0, end=2, by_epoch=False),
                dict(type='PolyLR', power=0.9, eta_min=0, begin=2, by_epoch=False),
            ],
            default_hooks=dict(
                checkpoint=dict(type='SafeCheckpointHook', by_epoch=False, interval=2)
            ),
            custom_hooks=[dict(type='CheckpointMatchHook')],
            randomness=dict(seed=3),
            log_level='WARNING',
            default_scope='mmseg',
            experiment_name=work_dir.name,
        )
    )
    cfg.merge_from_dict(changes)
    return cfg


def train(cfg: Config, resume_from: Path | None = None) -> Runner:
    if resume_from:
        cfg.load_from, cfg.resume = str(resume_from), True
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('trained')
    train(config(folder))
    return folder


@pytest.mark.parametrize('iteration', [2, 6])
def test_a_longer_training_takes_the_rates_of_its_length(trained, tmp_path, iteration):
    whole = train(config(tmp_path / 'whole', max_iters=10))
    longer = train(config(tmp_path / 'more', max_iters=10), trained / f'iter_{iteration}.pth')
    expected, found = ({}, {})
    for runner, rates in ((whole, expected), (longer, found)):
        history = runner.message_hub.get_scalar('train/lr').data[0]
        rates.update(enumerate(history))
    assert len(expected) == len(found) == 10
    for number in range(10):
        same = number < 2 or number >= iteration  # the first two warm up
        assert not same or found[number] == pytest.approx(expected[number], rel=1e-12)
    states = [
        torch.load(tmp_path / name / 'iter_10.pth', weights_only=False)['param_schedulers']
        for name in ('whole', 'more')
    ]
    assert states[0] == states[1]


def test_an_equal_config_resumes_to_equal_weights(trained, tmp_path):
    cfg = config(tmp_path, **{'train_dataloader.num_workers': 0, 'train_cfg.val_interval': 7})
    train(cfg, trained / 'iter_2.pth')
    assert weight_in(tmp_path / 'iter_6.pth') == weight_in(trained / 'iter_6.pth')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'optim_wrapper.optimizer.lr': 0.5}, 'optim_wrapper.optimizer.lr: 1.0 in the .*, 0.5 now'),
        ({'optim_wrapper.optimizer.type': 'RMSprop'}, "type: 'SGD' in the .*, 'RMSprop' now"),
        ({'randomness.seed': 4}, 'seed: 3 in the checkpoint, 4 now'),
        ({'train_dataloader.batch_size': 2}, 'train_dataloader.batch_size: 1 in the .*, 2 now'),
        ({'train_dataloader.dataset.noise': True}, 'dataset.noise: absent in the .*, True now'),
        (
            {'train_dataloader.dataset.metainfo': dict(classes=('two', 'one'))},
            r"classes: \['one', 'two'\] in the checkpoint, \['two', 'one'\] now",
        ),
        ({'param_scheduler.1.power': 1.0}, 'param_scheduler.1.power: 0.9 in the .*, 1.0 now'),
        ({'param_scheduler.1.end': 20}, 'param_scheduler.1.end: 6 in the checkpoint, 20 now'),
        ({'model.broken_loss': 9}, 'model.broken_loss: absent in the checkpoint, 9 now'),
        ({'train_cfg.max_iters': 3}, 'max_iters is 3, but .* been trained for 4 iterations'),
    ],
)
def test_other_changes_are_refused_with_both_values(trained, tmp_path, changes, message):
    with pytest.raises(UserError, match=message) as error:
        train(config(tmp_path, **changes), trained / 'iter_4.pth')
    assert '\n' not in str(error.value)


def test_another_number_of_processes_is_refused(trained, tmp_path):
    checkpoint = torch.load(trained / 'iter_4.pth', weights_only=False)
    assert checkpoint['meta']['world_size'] == 1
    checkpoint['meta']['world_size'] = 2
    torch.save(checkpoint, tmp_path / 'iter_4.pth')
    with pytest.raises(UserError, match='number of processes: 2 in the checkpoint, 1 now'):
        train(config(tmp_path), tmp_path / 'iter_4.pth')


@pytest.mark.parametrize(
    'kept', [('state_dict', 'meta'), ('state_dict',), ('state_dict', 'meta', 'message_hub')]
)
def test_weights_alone_are_no_training(trained, tmp_path, kept):
    checkpoint = torch.load(trained / 'iter_4.pth', weights_only=False)
    torch.save({key: checkpoint[key] for key in kept}, tmp_path / 'iter_4.pth')
    with pytest.raises(UserError, match=r'iter_4.pth. has no .*optimizer, so it holds weights'):
        train(config(tmp_path), tmp_path / 'iter_4.pth')


def test_a_fixed_end_of_the_schedule_is_kept(tmp_path):
    end = {'param_scheduler.1.end': 20}
    train(config(tmp_path, **end))
    state = torch.load(tmp_path / 'iter_6.pth', weights_only=False)['param_schedulers'][1]
    runner = train(config(tmp_path, max_iters=8, **end), tmp_path / 'iter_6.pth')
    later = runner.param_schedulers[1].state_dict()
    assert later['end'] == state['end'] == 20 and later['last_step'] == state['last_step'] + 2


@pytest.mark.parametrize('name', ['cfg', 'config'])
def test_no_code_in_the_config_of_a_checkpoint_is_run(trained, tmp_path, name):
    checkpoint = torch.load(trained / 'iter_4.pth', weights_only=False)
    checkpoint['meta'][name] = f'import os\nos.mkdir({str(tmp_path / "it_ran")!r})\ngpu_ids = [0]'
    torch.save(checkpoint, tmp_path / 'iter_4.pth')
    train(config(tmp_path), tmp_path / 'iter_4.pth')
    assert not (tmp_path / 'it_ran').exists() and (tmp_path / 'iter_6.pth').exists()


@pytest.mark.parametrize(
    ('key', 'value', 'part'),
    [
        ('meta', 'x', 'meta'),
        ('meta.iter', None, 'meta.iter'),
        ('meta.iter', 'x', 'meta.iter'),
        ('meta.iter', 10**30, 'meta.iter'),
        ('meta.iter', True, 'meta.iter'),
        ('meta.epoch', -5, 'meta.epoch'),
        ('message_hub', [1], 'message_hub'),
        ('message_hub.runtime_info', 'x', 'message_hub'),
        ('optimizer', 'x', 'optimizer'),
        ('optimizer.param_groups', [], 'optimizer'),
        ('optimizer.param_groups', [{}], 'optimizer'),
        ('optimizer.state', None, 'optimizer'),
        ('optimizer.state.0', [1], 'optimizer'),
        ('optimizer.state.0.momentum_buffer', torch.ones(2, 5), 'optimizer'),
        ('optimizer.param_groups.0.params', [[]], 'optimizer'),
        ('optimizer.param_groups.0.lr', 'x', 'optimizer'),
        ('optimizer.param_groups.0.lr', float('nan'), 'optimizer'),
        ('param_schedulers', 'x', 'param_schedulers'),
        ('param_schedulers', [3], 'param_schedulers'),
    ],
)
def test_states_that_cannot_be_taken_over_are_named(trained, tmp_path, key, value, part):
    checkpoint = torch.load(trained / 'iter_2.pth', weights_only=False)
    node = checkpoint
    *parents, last = key.split('.')
    for name in parents:
        node = node[int(name) if name.isdecimal() else name]
    node[int(last) if last.isdecimal() else last] = value
    torch.save(checkpoint, tmp_path / 'a.pth')
    with pytest.raises(UserError, match=f"no training can go on from .*a.pth': its {part} is not"):
        train(config(tmp_path / 'run'), tmp_path / 'a.pth')


@pytest.mark.parametrize('value', ['x', dict(train_cfg='x'), dict(param_scheduler=[3])])
def test_an_odd_config_in_a_checkpoint_is_not_compared(trained, tmp_path, value):
    checkpoint = torch.load(trained / 'iter_2.pth', weights_only=False)
    text = value if isinstance(value, str) else Config(value).pretty_text
    checkpoint['meta'].update(cfg=text, dataset_meta='x')
    torch.save(checkpoint, tmp_path / 'a.pth')
    assert train(config(tmp_path / 'run'), tmp_path / 'a.pth').iter == 6
