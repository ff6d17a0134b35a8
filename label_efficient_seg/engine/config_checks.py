"""Settings of a training that do not go together: found before anything is built."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, LOOPS, MODELS

from ..core.errors import UserError


def check_training(cfg: Config) -> None:
    """Refuse settings that would end in an error of another package, or in none at all.

    Args:
        cfg (Config): Complete config.

    Raises:
        ValueError: If the training loop does not fit the dataloaders, a loss has weights of another
            number of classes, a palette has another length than the classes, or a data loader keeps
            workers that it does not have. The message names the place in the config.
    """
    if cfg.get('train_dataloader'):
        _check_loop(cfg)
    for name in ('train', 'val', 'test'):
        for path, node in _nodes(cfg.get(f'{name}_dataloader'), f'{name}_dataloader'):
            if node.get('persistent_workers') and not node.get('num_workers'):
                raise UserError(
                    f'{path}.persistent_workers=True keeps workers alive, but num_workers is 0; '
                    f'set {path}.num_workers, or persistent_workers=False'
                )
            if isinstance(node.get('metainfo'), Mapping):
                _check_palette(node['metainfo'], node.get('type'), f'{path}.metainfo')
    for path, node in _nodes(cfg.get('model'), 'model'):
        if 'num_classes' in node:
            _check_losses(node, path)


def _check_loop(cfg: Config) -> None:
    kind = (cfg.get('train_cfg') or {}).get('type')
    if getattr(LOOPS.get(kind) if isinstance(kind, str) else kind, 'reads_streams', False):
        return
    name = f'type={kind!r}' if kind else 'no type'
    fix = "set train_cfg=dict(type='StreamIterTrainLoop', max_iters=...)"
    if 'dataset' not in cfg.train_dataloader:
        raise UserError(
            f'train_dataloader has one entry per stream ({", ".join(cfg.train_dataloader)}), but '
            f'train_cfg has {name}, whose loop reads a single dataloader; {fix}'
        )
    model = cfg.get('model', {}).get('type')
    model = MODELS.get(model) if isinstance(model, str) else model
    if streams := getattr(model, 'streams', None):
        raise UserError(
            f'{model.__name__} reads the streams {", ".join(streams)}, but train_cfg has {name} '
            f'and train_dataloader is a single one; {fix}, and a dataloader for each stream'
        )


def _check_losses(head: Mapping, path: str) -> None:
    losses = head.get('loss_decode') or []
    single = isinstance(losses, Mapping)
    for index, loss in enumerate([losses] if single else losses):
        place = f'{path}.loss_decode' + ('' if single else f'[{index}]')
        weights, count = loss.get('class_weight'), head['num_classes']
        binary = head.get('out_channels') == 1
        if isinstance(weights, (list, tuple)) and len(weights) != count and not binary:
            raise UserError(
                f'{place}.class_weight has {len(weights)} values for num_classes={count}; give one '
                'for each class'
            )
        if loss.get('type') == 'FocalLoss' and not torch.cuda.is_available():
            raise UserError(
                f"{place}: MMSegmentation's FocalLoss works on a GPU only; choose "
                'another loss, such as CrossEntropyLoss or MaskedCrossEntropyLoss'
            )


def _check_palette(metainfo: Mapping, dataset: str | None, path: str) -> None:
    palette = metainfo.get('palette')
    cls = DATASETS.get(dataset) if isinstance(dataset, str) else dataset
    all_classes = getattr(cls, 'METAINFO', {}).get('classes') or ()
    classes = metainfo.get('classes') or all_classes
    # MMSegmentation picks the colours of chosen classes from those of all.
    if palette and classes and len(palette) not in (len(classes), len(all_classes)):
        raise UserError(
            f'{path}.palette has {len(palette)} colours for {len(classes)} classes; give one for '
            'each class, or remove it'
        )


def _nodes(node: Any, path: str) -> Iterator[tuple[str, Mapping]]:
    """All dicts in a part of a config, each with its dotted path."""
    if isinstance(node, Mapping):
        yield path, node
        for key, child in node.items():
            yield from _nodes(child, f'{path}.{key}')
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from _nodes(child, f'{path}[{index}]')
