from .autocast_optim_wrapper import AutocastOptimWrapper
from .checked_optim_wrapper_constructor import CheckedOptimWrapperConstructor
from .multi_optim_wrapper_constructor import MultiOptimWrapperConstructor
from .repeated_sgd import RepeatedSGD

__all__ = [
    'AutocastOptimWrapper',
    'CheckedOptimWrapperConstructor',
    'MultiOptimWrapperConstructor',
    'RepeatedSGD',
]
