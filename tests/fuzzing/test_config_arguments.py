"""Misspelt arguments anywhere in a config."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS, HOOKS, OPTIMIZERS, TRANSFORMS

from label_efficient_seg.engine import launch
from label_efficient_seg.engine.errors import unknown_argument

CONFIGS = (
    'advsemi/deeplabv2_r18_toy_semi',
    'intrada/deeplabv2_r101_gta5-to-cityscapes_advent',
    'sign/deeplabv2_r18_toy_transfer',
)
BUILT = ('model', 'train_dataloader', 'val_dataloader', 'val_evaluator', 'custom_hooks')


def arguments(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Path, type and name of each argument of a registered class."""
    if isinstance(node, Mapping):
        if isinstance(node.get('type'), str):
            for name in node.keys() - {'type', '_scope_'}:
                yield '.'.join(path), node['type'], name
        for name, child in node.items():
            yield from arguments(child, (*path, name))
    elif isinstance(node, (list, tuple)):
        for number, child in enumerate(node):
            yield from arguments(child, (*path, str(number)))


def misspell(name: str, rng: np.random.Generator) -> str:
    """Two letters exchanged, one left out, doubled or replaced."""
    place = int(rng.integers(len(name) - 1))
    head, letter, tail = name[:place], name[place], name[place + 1 :]
    return (head + tail[:1] + letter + tail[1:], head + tail, head + letter + letter + tail,
            head + 'x' + tail)[rng.integers(4)]  # fmt: skip


def say(message: str, cfg: Config) -> str | None:
    found = unknown_argument(TypeError(message), cfg._cfg_dict)
    return found and str(found)


@pytest.mark.parametrize('name', CONFIGS)
def test_every_argument_is_found_and_corrected(name):
    cfg, rng = launch.load_config(name), np.random.default_rng(0)
    cfg = Config({key: cfg[key] for key in (*BUILT, 'default_hooks') if key in cfg})
    tried = 0
    for path, kind, argument in sorted(arguments(cfg._cfg_dict, ())):
        message = f"{kind}.__init__() got an unexpected keyword argument '{{}}'"
        # What the class does not name, it passes on to another one; that has an error of its own.
        if len(argument) < 5 or say(message.format(argument), cfg) is not None:
            continue
        wrong = misspell(argument, rng)
        if wrong == argument:
            continue
        changed = Config(cfg.to_dict())
        changed.merge_from_dict({f'{path}.{wrong}': 1})
        expected = f'{path}.{wrong}: {kind} has no argument {wrong!r}; did you mean {argument!r}?'
        assert say(message.format(wrong), changed) == expected
        tried += 1
    assert tried > 50


@pytest.mark.parametrize(
    ('registry', 'path', 'name', 'meant'),
    [
        (DATASETS, 'val_dataloader.dataset', 'img_sufix', 'img_suffix'),
        (TRANSFORMS, 'train_dataloader.target.dataset.pipeline.2', 'scales', 'scale'),
        (HOOKS, 'default_hooks.checkpoint', 'intervall', 'interval'),
        (HOOKS, 'default_hooks.logger', 'log_metric_by_epochs', 'log_metric_by_epoch'),
        (OPTIMIZERS, 'optim_wrapper.discriminator.optimizer', 'weightdecay', 'weight_decay'),
    ],
)
def test_what_is_really_built(registry, path, name, meant):
    cfg = launch.load_config(CONFIGS[1])
    cfg.merge_from_dict({f'{path}.{name}': 1})
    node = cfg._cfg_dict
    for key in path.split('.'):
        node = node[int(key) if isinstance(node, list) else key]
    if registry is OPTIMIZERS:
        node = dict(node, params=[])
    message = rf'{path}\.{name}: {node["type"]} has no argument .*; did you mean {meant!r}\?'
    with pytest.raises(ValueError, match=message), launch.named_arguments(cfg):
        registry.build(node)


def test_errors_of_other_calls_pass():
    cfg = launch.load_config(CONFIGS[0])
    for text in (
        "f() got an unexpected keyword argument 'elsewhere'",
        "f() got an unexpected keyword argument 'type'",
        "f() got multiple values for argument 'interval'",
        "unsupported operand type(s) for +: 'int' and 'str'",
        '',
    ):
        with pytest.raises(TypeError), launch.named_arguments(cfg):
            raise TypeError(text)
