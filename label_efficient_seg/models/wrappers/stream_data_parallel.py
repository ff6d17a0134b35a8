import itertools
from typing import Any

from mmengine.dist import all_reduce_params, broadcast
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from ...core.errors import UnknownArgumentError
from ..segmentors import StreamEncoderDecoder


@MODEL_WRAPPERS.register_module()
class StreamDataParallel(nn.Module):
    """Data parallelism for models that update several optimizers in their own ``train_step``.

    MMEngine's ``MMDistributedDataParallel`` never calls ``train_step`` of the model, and
    ``MMSeparateDistributedDataParallel`` replaces its children. This wrapper leaves the model
    alone: it starts all processes from the weights of the first one, the model averages gradients
    before each optimizer step (:meth:`StreamEncoderDecoder.update`), and floating-point
    buffers (running statistics of batch norm) are averaged after each step. So all processes hold
    the same model at any time, and two processes give the gradients of one with the joint batch.

    Use it with ``model_wrapper_cfg = dict(type='StreamDataParallel')``.

    Args:
        module (nn.Module): The model.

    Raises:
        TypeError: If the model would not average its gradients.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        if not isinstance(module, StreamEncoderDecoder):
            raise UnknownArgumentError(
                f'{type(module).__name__} does not average gradients by itself; '
                'StreamDataParallel is for StreamEncoderDecoder models, remove '
                'model_wrapper_cfg for others'
            )
        self.module = module
        for tensor in itertools.chain(module.parameters(), module.buffers()):
            broadcast(tensor.data)

    def train_step(self, *args, **kwargs) -> dict:
        """One step of the model, after which all processes agree on its buffers."""
        log = self.module.train_step(*args, **kwargs)
        all_reduce_params([b for b in self.module.buffers() if b.is_floating_point()], op='mean')
        return log

    def val_step(self, *args, **kwargs) -> list:
        """Predictions of the model."""
        return self.module.val_step(*args, **kwargs)

    def test_step(self, *args, **kwargs) -> list:
        """Predictions of the model."""
        return self.module.test_step(*args, **kwargs)

    def forward(self, *args, **kwargs) -> Any:
        """Forward pass of the model."""
        return self.module(*args, **kwargs)
