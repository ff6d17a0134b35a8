import pytest
import torch

from tests.engine.small_run import build_runner, weight_in

HOOKS = [dict(type='InvalidLossHook')]


def checkpoints(folder) -> dict[str, float]:
    return {path.name: weight_in(path) for path in sorted(folder.glob('*.pth'))}


def test_good_run_is_left_alone(tmp_path):
    # `accuracy` is NaN in each iteration: only losses are looked at.
    build_runner(tmp_path, hooks=HOOKS).train()
    assert checkpoints(tmp_path) == {'iter_2.pth': 2, 'iter_4.pth': 4, 'iter_6.pth': 6}


def test_names_loss_and_iteration_and_saves_nothing_after(tmp_path):
    runner = build_runner(tmp_path, model=dict(broken_loss=4), hooks=HOOKS)
    with pytest.raises(FloatingPointError) as error:
        runner.train()
    message = str(error.value)
    assert message.startswith('iteration 4: loss = inf, loss_first = inf. ')
    assert str(tmp_path) in message and 'clip_grad' in message
    assert checkpoints(tmp_path) == {'iter_2.pth': 2}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'iter_2.pth')


def test_broken_weights_are_not_saved_although_the_loss_was_finite(tmp_path):
    runner = build_runner(
        tmp_path,
        model=dict(broken_weight=4),
        hooks=HOOKS,
        checkpoint=dict(max_keep_ckpts=1),
    )
    with pytest.raises(
        FloatingPointError, match=r'iteration 4: 1 tensors .*\(weight\) and were not'
    ):
        runner.train()
    assert runner.model.weight.isnan()
    assert checkpoints(tmp_path) == {'iter_2.pth': 2}


def test_without_the_hook_the_broken_weights_are_saved(tmp_path):
    # What the hook is for: otherwise the only good checkpoint is replaced.
    build_runner(tmp_path, model=dict(broken_weight=4), checkpoint=dict(max_keep_ckpts=1)).train()
    ((name, weight),) = checkpoints(tmp_path).items()
    assert name == 'iter_6.pth' and torch.tensor(weight).isnan()
