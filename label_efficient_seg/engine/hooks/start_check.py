"""What the start of a training refuses, found without a training."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, METRICS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS

from ...core.errors import UserError
from ..config_checks import check_training
from ..launch import named_arguments
from .class_count_hook import check_class_counts
from .metric_match_hook import check_metrics


def start_faults(cfg: Config) -> Iterator[tuple[str, str]]:
    """Build what a training builds before its first iteration, and let it check itself.

    No weights are loaded, and datasets must be sound.

    Args:
        cfg (Config): A complete config.

    Yields:
        tuple[str, str]: Part of the config, and what is wrong with it.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    cfg = copy.deepcopy(cfg)
    faults: list[tuple[str, str]] = []

    def attempt(part: str, build: Callable[..., Any], *args: Any) -> Any:
        try:
            with named_arguments(cfg):
                return build(*args)
        except Exception as error:  # what is built raises many types
            text = (
                str(error) if isinstance(error, UserError) else f'{type(error).__name__}: {error}'
            )
            faults.append((part, text))

    attempt('config', check_training, cfg)
    model = attempt('model', MODELS.build, cfg.model)
    if model is not None:
        if cfg.get('optim_wrapper'):
            attempt('optim_wrapper', _build_optimizers, model, cfg.optim_wrapper)
        max_iters = (cfg.get('train_cfg') or {}).get('max_iters')
        if max_iters and hasattr(model, 'check_schedule'):
            attempt('model', model.check_schedule, max_iters)
        train = _training_datasets(cfg)
        for dataset in train:
            attempt('model', check_class_counts, model, dataset)
        for stage in ('val', 'test'):
            if not (loader := cfg.get(f'{stage}_dataloader')):
                continue
            dataset = DATASETS.build(loader.dataset)
            attempt('model', check_class_counts, model, dataset)
            metrics = attempt(f'{stage}_evaluator', _build_metrics, cfg.get(f'{stage}_evaluator'))
            for other in train or [None]:
                attempt(f'{stage}_evaluator', check_metrics, model, metrics or [], dataset, other)
    yield from dict.fromkeys(faults)


def _build_optimizers(model: Any, cfg: dict) -> Any:
    return OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(
            type=cfg.pop('constructor', 'DefaultOptimWrapperConstructor'),
            paramwise_cfg=cfg.pop('paramwise_cfg', None),
            optim_wrapper_cfg=cfg,
        )
    )(model)


def _training_datasets(cfg: Config) -> list:
    loaders = cfg.get('train_dataloader') or {}
    loaders = [loaders] if 'dataset' in loaders else loaders.values()
    return [DATASETS.build(loader['dataset']) for loader in loaders]


def _build_metrics(evaluator: Any) -> list:
    entries = evaluator if isinstance(evaluator, list | tuple) else [evaluator or {}]
    return [METRICS.build(entry) for entry in entries if entry]
