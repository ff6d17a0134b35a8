import inspect
import logging

from mmengine.logging import print_log
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS
from torch import nn

from ...core.errors import UserError
from ...core.suggest import did_you_mean

RULES = (
    'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult',
    'dwconv_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate',
)  # fmt: skip
FACTORS = ('lr_mult', 'decay_mult')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module(name='DefaultOptimWrapperConstructor')
class CheckedOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's ``DefaultOptimWrapperConstructor`` that drops no key of ``paramwise_cfg``.

    MMEngine's reads the keys that it knows and passes over all others, such as the ``decay_rate``
    of another constructor: all layers then learn at one rate. In MMSegmentation's scope this one
    has its name, so every config gets it.

    Args:
        optim_wrapper_cfg (dict): As in MMEngine.
        paramwise_cfg (dict, optional): As in MMEngine.

    Raises:
        ValueError: If a key of ``paramwise_cfg`` or of one of its ``custom_keys`` has no effect.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        constructor = (
            "set `constructor`, such as 'LearningRateDecayOptimizerConstructor', beside "
            'paramwise_cfg if it belongs to another one'
        )
        for key in self.paramwise_cfg:
            if key not in RULES:
                hint = did_you_mean(key, RULES, constructor)
                raise UserError(
                    f'paramwise_cfg has {key!r}, which the default constructor of optimizers does '
                    f'not read; {hint}'
                )
        kind = OPTIMIZERS.get(self.optimizer_cfg.get('type', ''))
        if not inspect.isclass(kind):
            return
        options = (*FACTORS, *inspect.signature(kind.__init__).parameters)
        for name, values in self.paramwise_cfg.get('custom_keys', {}).items():
            for key in values:
                if key not in options:
                    raise UserError(
                        f'custom_keys of {name!r} have {key!r}, which {kind.__name__} does not '
                        f'read; {did_you_mean(key, options, "remove it")}'
                    )

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper.

        Args:
            model (nn.Module): The model, or the part of it that the optimizer is for.

        Returns:
            OptimWrapper: It holds the optimizer.
        """
        names = [name for name, _ in model.named_parameters()]
        for key in self.paramwise_cfg.get('custom_keys', {}):
            if not any(key in name for name in names):
                print_log(
                    f'paramwise_cfg: the custom key {key!r} is in the name of no parameter',
                    logger='current',
                    level=logging.WARNING,
                )
        return super().__call__(model)
