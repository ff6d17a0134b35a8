"""What a checkpoint must hold of a training, so that another one can go on from it."""

import math
from collections.abc import Iterator
from typing import Any

from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor
from torch.optim import Optimizer

from ..core.errors import UserError
from ..core.stack_internals import loaded_from

MOST_ITERATIONS = 1 << 53
STATES = ('meta', 'message_hub', 'optimizer')
# Statistics of the rows and the columns of a weight, of torch's Adafactor.
FACTORS = ('row_var', 'col_var')


def check_states(runner: Runner, checkpoint: dict) -> None:
    """Refuse to resume from a file that holds no state of a training.

    Args:
        runner (Runner): Before it loads the states.
        checkpoint (dict): The checkpoint.

    Raises:
        ValueError: It names the states that are missing.
    """
    if missing := [key for key in STATES if not checkpoint.get(key)]:
        raise UserError(
            f"checkpoint '{loaded_from(runner)}' has no {', '.join(missing)}, so it holds weights, "
            'but not the state of a training, and no training can go on from it; start a new one '
            'from these weights with load_from, in another work_dir'
        )


def check_contents(runner: Runner, checkpoint: dict) -> None:
    """Refuse states that MMEngine or PyTorch could not take over.

    Args:
        runner (Runner): Before it loads the states.
        checkpoint (dict): The checkpoint; one that lacks states is left to :func:`check_states`.

    Raises:
        UserError: It names the state and what is wrong with it.
    """
    if not all(checkpoint.get(key) for key in STATES):
        return
    counts = {name: checkpoint['meta'].get(name) for name in ('epoch', 'iter')}
    for name, count in counts.items():
        if type(count) is not int or not 0 <= count < MOST_ITERATIONS:
            raise unusable_state(runner, f'meta.{name}', f'it is {count!r:.80}')
    for key, state in _parts(checkpoint):
        if not isinstance(state, dict):
            raise unusable_state(runner, key, f'it holds a {type(state).__name__}')
    wrapper, state = runner.optim_wrapper, checkpoint['optimizer']
    if not isinstance(wrapper, OptimWrapperDict):
        wrapper, state = {'': wrapper}, {'': state}
    for name, one in wrapper.items():
        if fault := _fault_of_optimizer(one.optimizer, state.get(name)):
            raise unusable_state(runner, f'optimizer.{name}'.rstrip('.'), fault)


def _fault_of_optimizer(optimizer: Optimizer, stored: Any) -> str:
    """Why an optimizer could not go on from a state; empty if it can."""
    expected = [len(group['params']) for group in optimizer.param_groups]
    if (found := _group_sizes(stored)) != expected:
        return f'weights per group: {found}, and here {expected}'
    for group, old in zip(optimizer.param_groups, stored['param_groups'], strict=True):
        if 'lr' not in old:
            return 'a group has no lr'
        for key, value in group.items():
            if isinstance(value, float) and not _is_number(old.get(key, value)):
                return f'{key} is {old[key]!r:.80}'
        for index, weight in zip(old['params'], group['params'], strict=True):
            if fault := _fault_of_weight(stored['state'].get(index, {}), tuple(weight.shape)):
                return f'of weight {index}, {fault}'
    return ''


def _fault_of_weight(values: Any, shape: tuple[int, ...]) -> str:
    if not isinstance(values, dict):
        return f'it holds a {type(values).__name__}'
    for key, value in values.items():
        found = tuple(value.shape) if isinstance(value, Tensor) and key not in FACTORS else ()
        if found not in ((), shape):  # steps are counted without dimensions
            return f'{key} has the shape {found}, and the weight {shape}'
    return ''


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _group_sizes(state: Any) -> list[int] | None:
    """Weights in each group of an optimizer's state; None for what is no such state."""
    if not isinstance(state, dict) or not isinstance(state.get('state'), dict):
        return None
    groups = state.get('param_groups')
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        return None
    indices = [group.get('params') for group in groups]
    if not all(isinstance(part, list) and all(type(i) is int for i in part) for part in indices):
        return None
    return [len(part) for part in indices]


def _parts(checkpoint: dict) -> Iterator[tuple[str, Any]]:
    """What has to be a dict, by name."""
    for key in ('message_hub', 'optimizer'):
        yield key, checkpoint[key]
    yield from (('message_hub', part) for part in checkpoint['message_hub'].values())
    schedulers = checkpoint.get('param_schedulers') or []
    groups = schedulers.values() if isinstance(schedulers, dict) else [schedulers]
    for group in groups:
        for state in group if isinstance(group, list) else [group]:
            yield 'param_schedulers', state


def unusable_state(runner: Runner, part: str, reason: str) -> UserError:
    """An error that says which state of a checkpoint cannot be taken over, and why.

    Args:
        runner (Runner): That has loaded it.
        part (str): Key of the state.
        reason (str): What is wrong with it.
    """
    return UserError(
        f"no training can go on from checkpoint '{loaded_from(runner)}': its {part} is not what "
        f'this training needs ({" ".join(reason.split())[:300]}); resume from another checkpoint, '
        'or start a new training from these weights with load_from, in another work_dir'
    )
