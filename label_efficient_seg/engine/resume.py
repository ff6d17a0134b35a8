"""What may change between the config of a checkpoint and that of the run that resumes from it."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner

from ..core.config_text import read_config_text
from ..core.errors import UserError
from .resume_states import check_contents, unusable_state

ABSENT = 'absent'
COMPARED = ('model', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'train_dataloader')
# Where weights and data lie, and how fast they are read, changes nothing that is trained; the
# interval of validations may change at any time.
FREE = {
    'init_cfg',
    'pretrained',
    'data_root',
    'backend_args',
    'num_workers',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
    'timeout',
    'val_interval',
    'val_begin',
    'dynamic_intervals',
    'max_iters',
}
ROOTS = ('data_root', 'source_root')


def check_resumable(runner: Runner, checkpoint: dict) -> None:
    """Compare a checkpoint with the run that is about to resume from it.

    MMEngine takes most of what the config says about the training from the checkpoint instead, and
    says nothing. Here, another number of iterations is honoured: schedules that end with the
    training are computed anew for its new end. Anything else that changes the training is refused.

    Args:
        runner (Runner): Before it loads the states in the checkpoint.
        checkpoint (dict): The schedules and the rates of the optimizers are changed in place.

    Raises:
        ValueError: It names what differs, with both values.
    """
    meta = checkpoint.get('meta')
    if not meta:  # weights alone
        return
    if not isinstance(meta, dict):
        raise unusable_state(runner, 'meta', f'it is a {type(meta).__name__}')
    differences, new = list(_differences_of_runs(runner, meta)), runner.cfg.to_dict()
    try:
        old = read_config_text(meta.get('cfg') or '')
        stored, todays = _comparable(old, new) if old else ({}, {})
    except (ValueError, TypeError, SyntaxError, RecursionError, AttributeError) as error:
        runner.logger.warning(f'the config in the checkpoint cannot be compared: {error}')
        old = stored = todays = {}
    differences += _differences(stored, todays)
    if differences:
        more = f' ({len(differences) - 4} more)' if len(differences) > 4 else ''
        raise UserError(
            f'this config is not that of the checkpoint to resume from: '
            f'{"; ".join(differences[:4])}{more}. Resume with the values of the checkpoint, or '
            'train in a new folder, with load_from to start from these weights'
        )
    check_contents(runner, checkpoint)
    before, now = ((cfg.get('train_cfg') or {}).get('max_iters') for cfg in (old, new))
    if before is not None and now is not None and before != now:
        _change_length(runner, checkpoint, before, now)


def _differences_of_runs(runner: Runner, meta: Mapping) -> Iterator[str]:
    """What a config does not say."""
    metainfo = getattr(runner.train_dataloader.dataset, 'metainfo', {})
    stored = meta.get('dataset_meta')
    stored = stored if isinstance(stored, Mapping) else {}
    facts = {
        'seed': (meta.get('seed'), (runner.cfg.get('randomness') or {}).get('seed')),
        'number of processes': (meta.get('world_size'), get_world_size()),
        'classes': (_listed(stored.get('classes')),) + (_listed(metainfo.get('classes')),),
    }
    for name, (old, new) in facts.items():
        if None not in (old, new) and old != new:
            yield f'{name}: {old!r} in the checkpoint, {new!r} now'


def _listed(value: Any) -> Any:
    """The same with lists for tuples, which configs exchange freely."""
    if isinstance(value, Mapping):
        return {key: _listed(child) for key, child in value.items()}
    return [_listed(child) for child in value] if isinstance(value, (list, tuple)) else value


def _comparable(*cfgs: Mapping) -> list[dict[str, Any]]:
    """The parts of two configs that decide what is trained, without what may change."""
    found, ends = [], []
    for cfg in cfgs:
        roots = [cfg[name] for name in ROOTS if isinstance(cfg.get(name), str) and cfg[name]]
        parts = {name: _without_free(_listed(cfg.get(name)), roots) for name in COMPARED}
        length = (cfg.get('train_cfg') or {}).get('max_iters')
        schedulers = _schedulers(parts['param_scheduler'])
        for scheduler in schedulers:  # MMEngine sets an end that is absent
            scheduler['end'] = scheduler.get('end', length)
        found.append(parts)
        ends.append([(scheduler, length) for scheduler in schedulers])
    for pair in zip(*ends, strict=False):
        if all(scheduler['end'] == length for scheduler, length in pair):
            for scheduler, _ in pair:
                del scheduler['end']
    return found


def _without_free(node: Any, roots: list[str]) -> Any:
    if isinstance(node, dict):
        return {k: _without_free(v, roots) for k, v in node.items() if k not in FREE}
    if isinstance(node, list):
        return [_without_free(child, roots) for child in node]
    for root in roots:
        if isinstance(node, str) and node.startswith(root):
            return node.removeprefix(root).lstrip('/')
    return node


def _schedulers(node: Any) -> list[dict]:
    """All schedulers of a config: one, a list, or a dict of these by optimizer."""
    if isinstance(node, dict):
        return [node] if 'type' in node else [s for v in node.values() for s in _schedulers(v)]
    return [s for child in node or () for s in _schedulers(child)]


def _differences(old: Any, new: Any, path: str = '') -> Iterator[str]:
    """Descriptions of the values that differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        # The type first: with it, everything else differs.
        if old.get('type') != new.get('type'):
            old, new = ({'type': node.get('type', ABSENT)} for node in (old, new))
        for key in dict.fromkeys([*old, *new]):
            place = f'{path}.{key}' if path else str(key)
            yield from _differences(old.get(key, ABSENT), new.get(key, ABSENT), place)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (first, second) in enumerate(zip(old, new, strict=True)):
            yield from _differences(first, second, f'{path}.{index}')
    elif old != new:
        yield f'{path}: {_short(old)} in the checkpoint, {_short(new)} now'


def _short(value: Any) -> str:
    text = value if value == ABSENT else repr(value)
    return text if len(text) <= 80 else f'{text[:77]}...'


def _change_length(runner: Runner, checkpoint: dict, old: int, new: int) -> None:
    """Honour another number of iterations.

    Schedules are stepped from the start, under the new end, to the iteration of the checkpoint. So
    the rates are those of a training that had this length from its beginning.
    """
    done = checkpoint['meta']['iter']
    if new < done:
        raise UserError(
            f'train_cfg.max_iters is {new}, but the checkpoint to resume from has been trained for '
            f'{done} iterations already; set at least as many'
        )
    schedulers = runner.param_schedulers
    groups = list(schedulers.values()) if isinstance(schedulers, dict) else [schedulers or []]
    configured = _schedulers(_listed(runner.cfg.get('param_scheduler')))
    if not any(scheduler.get('end', new) == new for scheduler in configured):
        runner.logger.info(
            f'training ends at iteration {new} instead of {old}; schedules as before'
        )
        return
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of steps without a step of the optimizer
        for group in groups:
            for _ in range(done):
                for scheduler in group:
                    if not scheduler.by_epoch:
                        scheduler.step()
    if isinstance(schedulers, dict):
        states: Any = {k: [s.state_dict() for s in v] for k, v in schedulers.items()}
    else:
        states = [s.state_dict() for s in groups[0]]
    checkpoint['param_schedulers'] = states
    wrapper = runner.optim_wrapper
    if 'optimizer' not in checkpoint:
        pass
    elif isinstance(wrapper, OptimWrapperDict):
        for name, one in wrapper.items():
            _set_rates(checkpoint['optimizer'][name], one.state_dict(), groups)
    else:
        _set_rates(checkpoint['optimizer'], wrapper.state_dict(), groups)
    runner.logger.info(
        f'training ends at iteration {new} instead of {old}; schedules that end with it are '
        f'computed for the new end, from which iteration {done + 1} on takes its learning rate'
    )


def _set_rates(state: dict, fresh: dict, schedulers: list) -> None:
    names = {scheduler.param_name for group in schedulers for scheduler in group}
    pairs = list(zip(state['param_groups'], fresh['param_groups'], strict=True))
    if 'base_param_settings' in state and 'base_param_settings' in fresh:
        pairs.append((state['base_param_settings'], fresh['base_param_settings']))
    for target, source in pairs:
        target.update({name: source[name] for name in names & source.keys()})
