"""The toy workflow of a method with a few images and iterations per stage."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from label_efficient_seg.core.config_index import get_config_path, list_workflows
from label_efficient_seg.core.stack_internals import config_dict

IMAGES = dict(num_train=16, num_val=4, num_target_train=12, num_target_val=4)
# Of 8 iterations, so that older checkpoints are removed, and the best one is saved twice.
INTERVAL, LENGTH = 2, 8


def list_methods() -> list[str]:
    """Methods that have a toy workflow."""
    names = (name.split('/') for name in list_workflows())
    return [method for method, workflow in names if workflow == 'workflow_toy']


def small_stages(method: str, folder: Path) -> list[dict]:
    """Stages of a method's toy workflow with small configs.

    Args:
        method (str): Folder of its configs.
        folder (Path): Where the configs are written.

    Returns:
        list[dict]: As :class:`Workflow` takes them.
    """
    stages = Config.fromfile(get_config_path(f'{method}/workflow_toy')).to_dict()['stages']
    for stage in stages:
        stage['config'] = _write_small(stage['config'], folder)
        if stage['type'] == 'ProposalStage':
            stage['num'] = 20
    return stages


def _write_small(name: str, folder: Path) -> str:
    path = folder / f'{name}.py'
    if not path.exists():
        cfg = Config.fromfile(get_config_path(name))
        for node in _nodes(config_dict(cfg)):
            _shrink(node, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        cfg.dump(path)
    return str(path)


def _nodes(node: Any) -> Iterator[dict]:
    """All dicts in a config."""
    if isinstance(node, dict):
        yield node
    if isinstance(node, (dict, list, tuple)):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _nodes(child)


def _shrink(node: dict, folder: Path) -> None:
    kind = node.get('type')
    if kind == 'ToyDataset':
        node['spec'] = {**node.get('spec', {}), **IMAGES}
    if 'dataset' in node and 'batch_size' in node:
        node.update(batch_size=min(2, node['batch_size']), num_workers=0, persistent_workers=False)
    if kind == 'PreciseBNHook':
        node['num_samples'] = 4
    if 'semi_start' in node:
        node['semi_start'] = 2
    if kind == 'SIGN' and 'interval' in node:
        node['interval'] = 2
    if 'num_proposals' in node:
        node['num_proposals'] = 5
    if isinstance(node.get('config'), str):  # of a member of an ensemble
        node['config'] = _write_small(node['config'], folder)
    if node.get('train_cfg') and 'default_hooks' in node:
        _shorten(node)


def _shorten(cfg: dict) -> None:
    """Fewer iterations of a config that trains."""
    cfg['train_cfg']['max_iters'] = LENGTH
    hooks = cfg['default_hooks']
    hooks['checkpoint'].update(interval=INTERVAL, max_keep_ckpts=2)
    hooks['logger']['interval'] = 1
    hooks['visualization']['draw'] = False
    if cfg.get('val_cfg'):
        cfg['train_cfg']['val_interval'] = LENGTH // 2
        hooks['checkpoint']['save_best'] = 'auto'
