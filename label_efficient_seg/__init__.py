"""Label-efficient semantic segmentation as a plugin for MMSegmentation 1.x."""

# ruff: noqa: E402, I001 - the check must run before anything imports the stack.
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
from .version import __version__

__all__ = [
    '__version__',
    'datasets',
    'engine',
    'evaluation',
    'get_config',
    'get_config_path',
    'list_configs',
    'list_workflows',
    'models',
    'resource_root',
    'visualization',
]
