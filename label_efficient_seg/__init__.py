"""Label-efficient semantic segmentation as a plugin for MMSegmentation 1.x."""

import io
import sys
import warnings
from contextlib import redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .everything import *  # noqa: F403


def register() -> None:
    """Check the stack, and make all models, datasets, hooks and loops of this package known.

    Importing the package does this, so that ``custom_imports`` of a config needs nothing else.

    Raises:
        ImportError: If PyTorch or the OpenMMLab stack is missing or does not fit.
    """
    # The stack says on import that parts are missing which nothing here uses: OneDL, MMCV's ops.
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')
        import_module('.everything', __name__)


def __getattr__(name: str) -> Any:
    if name.startswith('__'):
        raise AttributeError(name)
    return getattr(import_module('.everything', __name__), name)


# The command line registers only when it has understood its words: importing PyTorch and MMSeg
# takes seconds, which help and mistakes of typing need not wait for. Nobody else has to know. While
# `python -m label_efficient_seg` looks for its module, the first argument is `-m`.
if 'les_cli' not in sys.modules and sys.argv[:1] != ['-m']:
    register()

__all__ = ['__version__', 'register']
