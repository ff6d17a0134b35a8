"""Networks that a project can train: shipped ones, those of MMSeg's configs, and timm's."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import nn

from ..core.errors import UserError
from ..core.quiet import quiet_logger
from ..core.suggest import did_you_mean
from .timm_networks import PREFIX, timm_segmentor

SGD = """\
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10))),
    clip_grad=dict(max_norm=5),
)
"""
ADAMW = """\
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(
        custom_keys={
            'pos_block': dict(decay_mult=0.0),
            'norm': dict(decay_mult=0.0),
            'decode_head': dict(lr_mult=10.0),
        }
    ),
)
"""
ADAMW_TIMM = """\
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(
        norm_decay_mult=0.0, custom_keys=dict(decode_head=dict(lr_mult=10.0))
    ),
)
"""
POLY = "param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]\n"


@dataclass(frozen=True)
class Network:
    """A network and how it is trained.

    Attributes:
        base (str, optional): Shipped part of a config that has its ``model``; None if it is
            written into the project.
        model (dict): Its ``model``.
        schedule (str): Lines of a config: ``optim_wrapper`` and ``param_scheduler``.
        source (str): What the lines are from.
    """

    base: str | None
    model: dict[str, Any]
    schedule: str
    source: str

    def heads(self) -> dict[str, dict]:
        """Heads by key."""
        keys = ('decode_head', 'auxiliary_head')
        return {key: self.model[key] for key in keys if isinstance(self.model.get(key), dict)}

    def weights(self, checkpoint: str | None) -> dict[str, Any]:
        """What a config changes in the backbone so that it begins with a checkpoint.

        Args:
            checkpoint (str, optional): File or address; None for random weights.
        """
        if self.model['backbone']['type'] == 'TIMMBackbone':
            overlay = dict(pretrained_cfg_overlay=dict(file=checkpoint)) if checkpoint else {}
            return dict(pretrained=bool(checkpoint), **overlay)
        if checkpoint is None:
            return dict(init_cfg=None)
        # In place of what the shipped network has.
        delete = dict(_delete_=True) if self.base else {}
        return dict(init_cfg=dict(delete, type='Pretrained', checkpoint=checkpoint))

    def build_backbone(self, checkpoint: str | None = None) -> nn.Module:
        """Build the backbone, with random weights.

        Args:
            checkpoint (str, optional): What its ``init_cfg`` is to name.
        """
        config = copy.deepcopy(self.model['backbone'])
        config['norm_cfg'] = dict(type='BN') if 'norm_cfg' in config else None
        config.update(without_weights(config))
        if checkpoint and config['type'] != 'TIMMBackbone':
            config['init_cfg'] = dict(type='Pretrained', checkpoint=checkpoint)
        with quiet_logger():
            return MODELS.build({k: v for k, v in config.items() if v is not None})

    def divisor(self) -> int:
        """What the sides of images must be multiples of; 1 for most networks, 16 for a UNet."""
        config = self.model['backbone']
        if self.base or config['type'] == 'TIMMBackbone':
            return 1
        for number, side in ((1, 65), (16, 64), (32, 128)):
            try:
                backbone = self.build_backbone()
                backbone.eval()
                with torch.no_grad():
                    backbone(torch.zeros(1, config.get('in_channels', 3), side, side))
            except Exception:  # backbones raise many types
                continue
            return number
        return 1

    def levels(self) -> list[int]:
        """Channels of the feature maps that the backbone gives, found by an image of zeros.

        Raises:
            ValueError: If the backbone cannot be built, or reads no image of 64 x 64 pixels.
        """
        config = self.model['backbone']
        try:
            backbone = self.build_backbone()
            with torch.no_grad():
                backbone.eval()  # returns nothing for some backbones of MMSeg
                maps = backbone(torch.zeros(1, config.get('in_channels', 3), 64, 64))
        except Exception as error:  # backbones raise many types
            raise UserError(
                f'the {config["type"]} of this network gives no feature maps of an image of '
                f'64 x 64 pixels ({error}); choose another --network'
            ) from error
        return [map_.shape[1] for map_ in ([maps] if isinstance(maps, torch.Tensor) else maps)]


SHIPPED = {
    'deeplabv2_mobilenetv2': ('deeplabv2_mobilenetv2-d8', SGD),
    'deeplabv2_r101': ('deeplabv2_r101-d8', SGD),
    'deeplabv3plus_r50': ('deeplabv3plus_r50-d8', SGD),
    'segformer_mit-b0': ('segformer_mit-b0', ADAMW),
}
"""Base file and schedule of each shipped network."""


def without_weights(backbone: dict[str, Any]) -> dict[str, Any]:
    """What a config changes in a backbone so that nothing is loaded or downloaded."""
    if backbone['type'] == 'TIMMBackbone':
        return dict(pretrained=False)
    return dict(init_cfg=None, pretrained=None)


def origin(name: str) -> str:
    """Where a network of this name comes from, in words."""
    return 'shipped' if name in SHIPPED else 'of timm' if name.startswith(PREFIX) else 'your config'


def find_network(name: str, max_iters: int) -> Network:
    """Find a network.

    Args:
        name (str): One of :data:`SHIPPED`, ``timm/NAME``, or an MMSeg config file.
        max_iters (int): Iterations of the training. Schedules of an MMSeg config are stretched or
            shortened to them.

    Returns:
        Network: The network.

    Raises:
        ValueError: If there is neither such a network nor such a file, or it has no segmentor.
    """
    from ..core.config_index import resource_root

    if name in SHIPPED:
        file, optimizer = SHIPPED[name]
        path = resource_root() / 'configs' / '_base_' / 'models' / f'{file}.py'
        model = Config.fromfile(path).model.to_dict()
        return Network(f'models/{file}', model, optimizer + POLY, 'a rate for fine-tuning')
    if name.startswith(PREFIX):
        model = timm_segmentor(name)
        return Network(None, model, ADAMW_TIMM + POLY, 'a rate for fine-tuning')
    if not Path(name).is_file():
        hint = did_you_mean(name, SHIPPED)
        raise UserError(
            f'network {name!r} is neither a file nor {PREFIX}NAME nor one of those shipped; {hint}'
        )
    cfg = Config.fromfile(name)
    if missing := [key for key in ('model', 'optim_wrapper') if key not in cfg]:
        raise UserError(f"network '{name}' is no complete config: it has no {missing[0]}")
    kept = dict(
        optim_wrapper=cfg.optim_wrapper,
        param_scheduler=_stretch(cfg, max_iters),
    )
    model = cfg.model.to_dict()
    preprocessor = model.get('data_preprocessor') or {}
    preprocessor.pop('size', None)
    model['data_preprocessor'] = dict(preprocessor, size_divisor=1)
    return Network(None, model, Config(kept).pretty_text, f'those of {name}')


def _stretch(cfg: Config, max_iters: int) -> list[dict]:
    """Schedules whose beginnings and ends are in proportion to the length of the training."""
    schedulers = cfg.get('param_scheduler') or []
    schedulers = schedulers if isinstance(schedulers, list) else [schedulers]
    length = (cfg.get('train_cfg') or {}).get('max_iters')
    if not length or any(scheduler.get('by_epoch', True) for scheduler in schedulers):
        return [dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=False)]
    stretched = [
        dict(scheduler, **{
            key: round(scheduler[key] * max_iters / length)
            for key in ('begin', 'end', 'T_max') if scheduler.get(key) is not None
        })
        for scheduler in schedulers
    ]  # fmt: skip
    # Of a short training, nothing may be left of a warm-up.
    return [s for s in stretched if s.get('end') is None or s['end'] > s.get('begin', 0)]
