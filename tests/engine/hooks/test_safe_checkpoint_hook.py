"""A failure at any moment leaves the older files and the pointer to them valid."""

import errno
import os
import shutil

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from label_efficient_seg.core.atomic import atomic_path
from label_efficient_seg.engine.checkpoint import latest_checkpoint
from tests.engine.small_run import build_runner, weight_in


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != '.py' and path.is_file())


def disk_full(*args, **kwargs):
    raise OSError(errno.ENOSPC, 'No space left on device')


def fail_at(monkeypatch, owner: object, name: str, call: int) -> None:
    """Let a function fail from its n-th call on."""
    function, calls = getattr(owner, name), []

    def failing(*args, **kwargs):
        calls.append(args)
        return disk_full() if len(calls) >= call else function(*args, **kwargs)

    monkeypatch.setattr(owner, name, failing)


def test_files_and_limit_are_those_of_mmengine(tmp_path):
    build_runner(tmp_path, checkpoint=dict(max_keep_ckpts=2)).train()
    assert names(tmp_path) == ['iter_4.pth', 'iter_6.pth', 'last_checkpoint']
    assert [weight_in(tmp_path / f'iter_{i}.pth') for i in (4, 6)] == [4, 6]
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'iter_6.pth')


def test_what_a_kill_has_left_is_removed(tmp_path):
    with pytest.raises(SystemExit), atomic_path(tmp_path / 'iter_2.pth') as temporary:
        temporary.write_text('half')
        left = temporary.rename(temporary.with_name(temporary.name.replace('iter_2', 'iter_4')))
        raise SystemExit
    other = tmp_path / '.hidden.pth'
    other.write_text('of somebody else')
    build_runner(tmp_path).train()
    assert not left.exists() and other.exists()


@pytest.mark.parametrize('point', ['serialise', 'write', 'rename'])
def test_failure_while_writing_keeps_the_checkpoint_before(tmp_path, monkeypatch, point):
    runner = build_runner(tmp_path, checkpoint=dict(max_keep_ckpts=1))
    if point == 'serialise':
        fail_at(monkeypatch, torch, 'save', 2)
    elif point == 'write':
        fail_at(monkeypatch, os, 'fsync', 2)
    else:
        # The first checkpoint takes two renames, its own and that of `last_checkpoint`.
        fail_at(monkeypatch, os, 'replace', 3)
    with pytest.raises(OSError, match='No space left'):
        runner.train()
    assert names(tmp_path) == ['iter_2.pth', 'last_checkpoint']
    assert weight_in(tmp_path / 'iter_2.pth') == 2
    assert latest_checkpoint(tmp_path) == str(tmp_path / 'iter_2.pth')


def test_older_files_go_only_when_the_new_one_is_complete(tmp_path, monkeypatch):
    removed = []
    remove = os.remove

    def watching(path):
        newest = max(tmp_path.glob('iter_*.pth'), key=lambda p: int(p.stem[5:]))
        removed.append((os.path.basename(path), newest.name, weight_in(newest)))
        remove(path)

    monkeypatch.setattr(os, 'remove', watching)
    build_runner(tmp_path, checkpoint=dict(max_keep_ckpts=1)).train()
    assert removed == [('iter_2.pth', 'iter_4.pth', 4), ('iter_4.pth', 'iter_6.pth', 6)]


def test_resumed_run_removes_what_a_kill_has_kept(tmp_path, monkeypatch):
    runner = build_runner(tmp_path / 'run', checkpoint=dict(max_keep_ckpts=2))
    with monkeypatch.context() as patch, pytest.raises(OSError, match='No space left'):
        patch.setattr(os, 'remove', disk_full)  # instead of the kill
        runner.train()
    files = ['iter_2.pth', 'iter_4.pth', 'iter_6.pth', 'last_checkpoint']
    assert names(tmp_path / 'run') == files
    runner = build_runner(
        tmp_path / 'run',
        checkpoint=dict(max_keep_ckpts=2),
        load_from=str(tmp_path / 'run/iter_6.pth'),
        resume=True,
    )
    runner.train()
    assert names(tmp_path / 'run') == files[1:]


def test_best_checkpoint_is_replaced_after_the_new_one_is_complete(tmp_path, monkeypatch):
    removed = []
    remove = os.remove

    def watching(path):
        removed.append((os.path.basename(path), sorted(p.name for p in tmp_path.glob('best*'))))
        remove(path)

    monkeypatch.setattr(os, 'remove', watching)
    build_runner(
        tmp_path, checkpoint=dict(max_keep_ckpts=5, save_best='mIoU'), scores=[10.0, 30.0, 20.0]
    ).train()
    best = 'best_mIoU_iter_2.pth', 'best_mIoU_iter_4.pth'
    assert removed == [(best[0], list(best))]
    assert names(tmp_path) == [best[1], 'iter_2.pth', 'iter_4.pth', 'iter_6.pth', 'last_checkpoint']
    assert weight_in(tmp_path / best[1]) == 4
    # The checkpoint written again after validation knows which file is the best.
    hub = torch.load(tmp_path / 'iter_4.pth', weights_only=False)['message_hub']
    assert hub['runtime_info']['best_ckpt'] == str(tmp_path / best[1])


def test_failing_best_checkpoint_keeps_the_one_before(tmp_path, monkeypatch):
    runner = build_runner(tmp_path, checkpoint=dict(save_best='mIoU'), scores=[10.0, 30.0])
    # Iteration 2 is saved, then the best one, then iteration 2 again; iteration 4 is saved.
    fail_at(monkeypatch, torch, 'save', 5)
    with pytest.raises(OSError, match='No space left'):
        runner.train()
    assert names(tmp_path) == [
        'best_mIoU_iter_2.pth',
        'iter_2.pth',
        'iter_4.pth',
        'last_checkpoint',
    ]
    assert weight_in(tmp_path / 'best_mIoU_iter_2.pth') == 2


def test_resumed_run_goes_on_removing(tmp_path):
    options = dict(checkpoint=dict(max_keep_ckpts=1, save_best='mIoU'))
    first = build_runner(tmp_path, scores=[10.0, 5.0, 5.0], **options)
    first.train_loop._max_iters = 4
    first.train()
    assert names(tmp_path) == ['best_mIoU_iter_2.pth', 'iter_4.pth', 'last_checkpoint']
    # It validates once more where it resumes, and then at the end.
    build_runner(
        tmp_path, scores=[5.0, 20.0], load_from=str(tmp_path / 'iter_4.pth'), resume=True, **options
    ).train()
    assert names(tmp_path) == ['best_mIoU_iter_6.pth', 'iter_6.pth', 'last_checkpoint']


class Killed(BaseException):
    """Nothing in the training catches it."""


def killed(*args, **kwargs):
    raise Killed


class ValidationRecorder(Hook):
    def __init__(self) -> None:
        self.reported: dict[int, float] = {}

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        assert runner.iter not in self.reported
        self.reported[runner.iter] = metrics['mIoU']


def resume(folder, iteration: int, scores: list[float], **options: object) -> dict[int, float]:
    """Scores by iteration of the resumed run."""
    runner = build_runner(
        folder,
        scores=scores,
        checkpoint=options or dict(save_best='mIoU'),
        load_from=str(folder / f'iter_{iteration}.pth'),
        resume=True,
    )
    recorder = ValidationRecorder()
    runner.register_hook(recorder)
    runner.train()
    return recorder.reported


@pytest.mark.parametrize('point', ['validation', 'best checkpoint'])
@pytest.mark.parametrize('iteration', [4, 6])
def test_resumed_run_makes_up_for_the_validation_it_was_killed_in(
    tmp_path, monkeypatch, point, iteration
):
    scores = {2: 10.0, 4: 20.0, 6: 30.0}
    first = build_runner(
        tmp_path / 'run', checkpoint=dict(save_best='mIoU'), scores=list(scores.values())
    )
    with monkeypatch.context() as patch, pytest.raises(Killed):
        first.register_hook(KillHook(patch, point, iteration))
        first.train()
    assert (tmp_path / 'run' / f'iter_{iteration}.pth').exists()
    assert not (tmp_path / 'run' / f'best_mIoU_iter_{iteration}.pth').exists()
    shutil.move(tmp_path / 'run', tmp_path / 'moved')
    left = {i: score for i, score in scores.items() if i >= iteration}
    assert resume(tmp_path / 'moved', iteration, list(left.values())) == left
    assert [p.name for p in (tmp_path / 'moved').glob('best*')] == ['best_mIoU_iter_6.pth']


class KillHook(Hook):
    """Kills in the validation after an iteration, or while its best checkpoint is written."""

    priority = 'VERY_HIGH'

    def __init__(self, patch: pytest.MonkeyPatch, point: str, iteration: int) -> None:
        self.patch, self.point, self.iteration = patch, point, iteration

    def before_val(self, runner: Runner) -> None:
        if runner.iter == self.iteration:
            if self.point == 'validation':
                raise Killed
            self.patch.setattr(torch, 'save', killed)


def test_validating_once_more_keeps_the_best_checkpoint(tmp_path):
    build_runner(tmp_path, checkpoint=dict(save_best='mIoU'), scores=[10.0, 20.0, 5.0]).train()
    # Another score of the same weights, as on a GPU: the file to replace is the new one.
    resume(tmp_path, 4, [20.5, 5.0])
    assert list(tmp_path.glob('best*')) == [tmp_path / 'best_mIoU_iter_4.pth']


def test_a_resumed_run_knows_the_best_score(tmp_path):
    build_runner(tmp_path, checkpoint=dict(save_best='mIoU'), scores=[10.0, 5.0, 7.0]).train()
    resume(tmp_path, 4, [5.0, 10.0])
    assert list(tmp_path.glob('best*')) == [tmp_path / 'best_mIoU_iter_2.pth']


def test_copied_folder_leaves_the_best_checkpoint_of_the_original(tmp_path):
    (one, two) = tmp_path / 'one', tmp_path / 'two'
    build_runner(one, checkpoint=dict(save_best='mIoU'), scores=[10.0, 20.0, 5.0]).train()
    shutil.copytree(one, two)
    resume(two, 4, [20.0, 30.0])
    assert list(one.glob('best*')) == [one / 'best_mIoU_iter_4.pth']
    assert list(two.glob('best*')) == [two / 'best_mIoU_iter_6.pth']


TWO = dict(save_best=['mIoU', 'aAcc'], rule='greater')


def test_copied_folder_leaves_both_best_checkpoints_of_the_original(tmp_path):
    (one, two) = tmp_path / 'one', tmp_path / 'two'
    build_runner(one, checkpoint=TWO, scores=[10.0, 20.0, 5.0]).train()
    shutil.copytree(one, two)
    before = names(one)
    resume(two, 4, [20.0, 30.0], **TWO)
    assert names(one) == before
    best = sorted(path.name for path in two.glob('best*'))
    assert best == ['best_aAcc_iter_6.pth', 'best_mIoU_iter_6.pth']


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained')
    for name, options in (('1', dict(save_best='mIoU')), ('2', TWO)):
        build_runner(folder / name, checkpoint=options, scores=[10.0, 5.0, 5.0]).train()
    return folder


@pytest.mark.parametrize('keys', [('best_ckpt',), ('best_ckpt_mIoU', 'best_ckpt_aAcc')])
@pytest.mark.parametrize(
    'named',
    ['..', '{}/other', '../other/best_a.pth', 'best_link.pth', 'best_folder.pth', 3],
)
def test_a_checkpoint_cannot_have_other_files_removed(trained, tmp_path, keys, named):
    run, other = tmp_path / 'run', tmp_path / 'other'
    options = dict(save_best='mIoU') if len(keys) == 1 else TWO
    shutil.copytree(trained / str(len(keys)), run)
    for folder in (other, run / 'best_folder.pth'):
        folder.mkdir()
        (folder / 'best_a.pth').write_text('precious')
    (run / 'data.csv').write_text('precious')
    (run / 'link').symlink_to(other, target_is_directory=True)
    (run / 'best_link.pth').symlink_to(other / 'best_a.pth')
    checkpoint = torch.load(run / 'iter_4.pth', weights_only=False)
    info = checkpoint['message_hub']['runtime_info']
    for key in keys:
        info[key] = named.format(tmp_path) if isinstance(named, str) else named
    info['keep_ckpt_ids'] = ['../../other/best_a', '/x', 1.5, True, None, [2]]
    torch.save(checkpoint, run / 'iter_4.pth')
    before = contents(tmp_path)
    resume(run, 4, [20.0, 30.0], max_keep_ckpts=1, **options)
    # What the resumed run itself has written apart.
    own = {'run/iter_6.pth', 'run/iter_4.pth', 'run/last_checkpoint'}
    own |= {f'run/best_{score}_iter_{i}.pth' for score in ('mIoU', 'aAcc') for i in (2, 4, 6)}
    assert before.keys() - own == contents(tmp_path).keys() - own - {'run/run.py'}
    assert all(before[name] == contents(tmp_path)[name] for name in before.keys() - own)


def contents(folder) -> dict[str, str]:
    """Files without logs, and what is in those that the tests wrote."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.stat().st_size < 20 else ''
        for path in folder.rglob('*')
        if path.suffix in ('.pth', '.csv', '') and path.is_file()
    }


def test_steps_of_a_stranger_name_checkpoints_of_the_folder_only(tmp_path):
    build_runner(tmp_path).train()
    (tmp_path / 'iter_-1.pth').mkdir()
    checkpoint = torch.load(tmp_path / 'iter_4.pth', weights_only=False)
    checkpoint['message_hub']['runtime_info']['keep_ckpt_ids'] = [-1, 2, 4, 'x', 2]
    checkpoint['message_hub']['resumed_keys']['keep_ckpt_ids'] = True
    torch.save(checkpoint, tmp_path / 'iter_4.pth')
    build_runner(
        tmp_path,
        checkpoint=dict(max_keep_ckpts=2),
        load_from=str(tmp_path / 'iter_4.pth'),
        resume=True,
    ).train()
    assert sorted(p.name for p in tmp_path.glob('iter*')) == [
        'iter_-1.pth',
        'iter_4.pth',
        'iter_6.pth',
    ]


def test_unknown_criterion_is_named(tmp_path):
    options = dict(save_best='entropy', rule='less')
    with pytest.raises(ValueError, match="save_best='entropy'.* reports mIoU.*val_evaluator"):
        build_runner(tmp_path, checkpoint=options, scores=[10.0]).train()


def test_mmengines_hook_loses_the_checkpoint_before(tmp_path, monkeypatch):
    # What the hook is for: MMEngine removes first and writes later.
    runner = build_runner(tmp_path, checkpoint=dict(type='CheckpointHook', max_keep_ckpts=1))
    fail_at(monkeypatch, torch, 'save', 2)
    with pytest.raises(OSError, match='No space left'):
        runner.train()
    assert names(tmp_path) == ['last_checkpoint']
