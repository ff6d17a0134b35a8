"""Where the command ``les`` starts.

This module stands beside the package. That it is there tells the package, when it is imported, to
load PyTorch and MMSeg only when the command needs them; see ``label_efficient_seg/__init__.py``.
"""

from label_efficient_seg.cli.main import main

__all__ = ['main']
