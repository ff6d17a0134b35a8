"""What the package offers in Python; importing it registers all of its parts."""

# ruff: noqa: E402, I001 - the check must run before anything imports the stack.
import os

from .core.stack import check_stack

check_stack()

from . import datasets, engine, evaluation, models, visualization
from .core.config_index import (
    get_config,
    get_config_path,
    list_configs,
    list_workflows,
    resource_root,
)
from .core import model_zoo  # noqa: F401 - MMEngine then reads weights by our loader
from .core.weights import load_checkpoint, trusting_checkpoints

# For configs anywhere: _base_ = '{{$LABEL_EFFICIENT_SEG_CONFIGS:}}/advsemi/...'.
os.environ['LABEL_EFFICIENT_SEG_CONFIGS'] = str(resource_root() / 'configs')

__all__ = [
    'datasets',
    'engine',
    'evaluation',
    'get_config',
    'get_config_path',
    'list_configs',
    'list_workflows',
    'load_checkpoint',
    'models',
    'resource_root',
    'trusting_checkpoints',
    'visualization',
]
