from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Runs the networks in bfloat16, on any device; weights and optimizers stay in float32.

    MMEngine's ``AmpOptimWrapper`` refuses to work without an accelerator. bfloat16 has the range of
    float32, so nothing has to scale the loss. A processor gains if it multiplies in bfloat16, as
    those with AMX do.

    Args:
        **kwargs: Of ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Where the forward passes run.

        Args:
            model (nn.Module): The model, wrapped or not.
        """
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, torch.bfloat16):
            yield
