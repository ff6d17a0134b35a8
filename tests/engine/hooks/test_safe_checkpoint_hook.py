"""A failure at any moment leaves the older files and the pointer to them valid."""

import errno
import os

import pytest
import torch

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


def test_resumed_run_goes_on_removing(tmp_path, secured):
    options = dict(checkpoint=dict(max_keep_ckpts=1, save_best='mIoU'))
    first = build_runner(tmp_path, scores=[10.0, 5.0, 5.0], **options)
    first.train_loop._max_iters = 4
    first.train()
    assert names(tmp_path) == ['best_mIoU_iter_2.pth', 'iter_4.pth', 'last_checkpoint']
    build_runner(
        tmp_path, scores=[20.0], load_from=str(tmp_path / 'iter_4.pth'), resume=True, **options
    ).train()
    assert names(tmp_path) == ['best_mIoU_iter_6.pth', 'iter_6.pth', 'last_checkpoint']


def test_mmengines_hook_loses_the_checkpoint_before(tmp_path, monkeypatch):
    # What the hook is for: MMEngine removes first and writes later.
    runner = build_runner(tmp_path, checkpoint=dict(type='CheckpointHook', max_keep_ckpts=1))
    fail_at(monkeypatch, torch, 'save', 2)
    with pytest.raises(OSError, match='No space left'):
        runner.train()
    assert names(tmp_path) == ['last_checkpoint']
