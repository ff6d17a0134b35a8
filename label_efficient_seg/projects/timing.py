"""How long an iteration takes, by doing a few."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from ..core.quiet import quiet_logger
from ..engine.launch import load_config

TRIAL = 2
"""Iterations of a trial; the first, which prepares things, is not counted."""


def seconds_per_iteration(config: Path, options: Mapping[str, Any] | None = None) -> float:
    """Train a config for a moment, from random weights.

    Args:
        config (Path): The config.
        options (Mapping, optional): Values of it to override, by dotted key.

    Returns:
        float: Seconds of an iteration on this machine.
    """
    cfg = load_config(str(config), cfg_options=dict(options or {}))
    init_default_scope('mmseg')
    cfg.model.backbone.init_cfg = None
    for part in (cfg.model, cfg.model.backbone):
        if part.get('pretrained'):
            part.pretrained = False if part.type == 'TIMMBackbone' else None
    with quiet_logger():
        model = MODELS.build(cfg.model).to('cuda' if torch.cuda.is_available() else 'cpu').train()
        optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    loaders = {}
    for name, stream in cfg.train_dataloader.items():
        stream.update(num_workers=0, persistent_workers=False)
        loaders[name] = iter(Runner.build_dataloader(stream, seed=0))
    start = time.perf_counter()
    for iteration in range(TRIAL):
        if iteration == 1:
            start = time.perf_counter()
        batches = {name: next(loader) for name, loader in loaders.items()}
        # A model without streams of its own gets the only batch as it is.
        plain = not hasattr(model, 'streams')
        model.train_step(*(batches.values() if plain else [batches]), optim_wrapper=optimizer)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / (TRIAL - 1)
