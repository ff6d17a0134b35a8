"""Fixtures around the loading of checkpoints."""

import copy
from collections.abc import Iterator

import pytest
import torch
from mmengine.runner import CheckpointLoader

from label_efficient_seg.engine.checkpoint import secure_loading


@pytest.fixture
def secured(monkeypatch) -> Iterator[None]:
    """Loads as the tools do, and undoes what that changes in the process."""
    for name in ('TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    monkeypatch.setattr(CheckpointLoader, '_schemes', copy.copy(CheckpointLoader._schemes))
    allowed = torch.serialization.get_safe_globals()
    secure_loading()
    yield
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(allowed)
