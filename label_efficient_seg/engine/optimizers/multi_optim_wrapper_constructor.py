import copy
from collections.abc import Mapping

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from ...core.errors import UserError

REST = 'segmentor'


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class MultiOptimWrapperConstructor:
    """Builds one optimizer wrapper per part of the model and proves that nobody is left out.

    .. code:: python

        optim_wrapper = dict(
            constructor='MultiOptimWrapperConstructor',
            segmentor=dict(optimizer=dict(type='SGD', lr=2.5e-4), paramwise_cfg=dict(...)),
            discriminator=dict(optimizer=dict(type='Adam', lr=1e-4)))

    An entry owns the child of the model that has its name, or the children listed in its
    ``modules``. ``segmentor`` owns every child with trainable parameters that no other entry
    claims. Each entry may have its own ``type``, ``clip_grad``, ``accumulative_counts``,
    ``constructor`` and ``paramwise_cfg``; the keys of the latter see parameter names as the whole
    model has them, such as ``decode_head.``.

    Args:
        optim_wrapper_cfg (dict): Optimizer wrapper configs by name.
        paramwise_cfg (dict, optional): Must be absent: it belongs into an entry.

    Raises:
        ValueError: If an entry claims a child that does not exist or is claimed already, or if a
            trainable parameter has no optimizer or more than one.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg:
            raise UserError(
                'paramwise_cfg stands beside the optimizers; move it into the entry '
                f'it is meant for, one of {sorted(optim_wrapper_cfg)}'
            )
        self.cfgs = copy.deepcopy(dict(optim_wrapper_cfg))
        self.cfgs.pop('type', None)
        wrong = [
            name
            for name, cfg in self.cfgs.items()
            if not isinstance(cfg, Mapping) or 'optimizer' not in cfg
        ]
        if wrong or not self.cfgs:
            raise UserError(
                'optim_wrapper of MultiOptimWrapperConstructor maps names to configs with an '
                f'optimizer; entries {wrong or "are missing"} are not of that form'
            )

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        """Build the wrappers.

        Args:
            model (nn.Module): The model, wrapped or not.

        Returns:
            OptimWrapperDict: With the names of the config.
        """
        model = model.module if is_model_wrapper(model) else model
        parts = self._parts(model)
        wrappers = {}
        for name, cfg in self.cfgs.items():
            constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
                dict(
                    type=cfg.pop('constructor', 'DefaultOptimWrapperConstructor'),
                    paramwise_cfg=cfg.pop('paramwise_cfg', None),
                    optim_wrapper_cfg=cfg,
                )
            )
            # A container that holds a share of the children under their own names.
            part = nn.Module()
            for child in parts[name]:
                part.add_module(child, getattr(model, child))
            trainable = sum(p.numel() for p in part.parameters() if p.requires_grad)
            print_log(
                f'optimizer {name!r} owns {", ".join(parts[name])}: '
                f'{trainable:,} trainable parameters',
                logger='current',
            )
            wrappers[name] = constructor(part)
        _check_ownership(model, wrappers)
        return OptimWrapperDict(**wrappers)

    def _parts(self, model: nn.Module) -> dict[str, list[str]]:
        children = [name for name, _ in model.named_children()]
        parts: dict[str, list[str]] = {}
        owners: dict[str, str] = {}
        for name, cfg in self.cfgs.items():
            modules = cfg.pop('modules', None)
            if name == REST and modules is None:
                continue
            parts[name] = list(modules or [name])
            for child in parts[name]:
                if child not in children:
                    raise UserError(
                        f'optimizer {name!r} claims {child!r}, but '
                        f'{type(model).__name__} has only {children}'
                    )
                if child in owners:
                    raise UserError(
                        f'{child!r} is claimed by the optimizers {owners[child]!r} '
                        f'and {name!r}; each parameter belongs to exactly one'
                    )
                owners[child] = name
        if REST in self.cfgs and REST not in parts:
            parts[REST] = [
                child
                for child in children
                if child not in owners and _is_trainable(getattr(model, child))
            ]
        return parts


def _is_trainable(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def _check_ownership(model: nn.Module, wrappers: dict) -> None:
    owners: dict[int, list[str]] = {}
    for name, wrapper in wrappers.items():
        for group in wrapper.optimizer.param_groups:
            for parameter in group['params']:
                owners.setdefault(id(parameter), []).append(name)
    for name, parameter in model.named_parameters():
        owner = owners.get(id(parameter), [])
        if parameter.requires_grad and len(owner) != 1:
            raise UserError(
                f'parameter {name!r} belongs to {len(owner)} optimizers {owner}, must be exactly '
                f'one; the optimizers are {sorted(wrappers)}, and {REST!r} takes what the others '
                'leave'
            )
