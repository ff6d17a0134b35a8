from collections.abc import Callable, Iterable

import torch
from mmseg.registry import OPTIMIZERS
from torch import Tensor
from torch.optim import Optimizer

from ...core.errors import UserError


@OPTIMIZERS.register_module()
class RepeatedSGD(Optimizer):
    """SGD that updates a parameter several times with the gradient of one iteration.

    The releases of AdvSemiSeg and ADVENT list most weights of their backbone three times in one
    parameter group of SGD, and those of its shortcuts four times: they collect the parameters of
    a module, of its children, of their children and so on. For each entry, SGD decays the weight,
    updates the momentum and takes a step. With ``repeats``, an option of a parameter group, this
    optimizer does the same to a parameter that is listed once:

    .. code:: python

        optimizer=dict(type='RepeatedSGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(custom_keys=dict(backbone=dict(repeats=3)))

    For a gradient g, weight w and momentum buffer b, each repeat is::

        g = g + weight_decay * w;  b = momentum * b + g;  w = w - lr * b

    With one repeat, that is ``torch.optim.SGD``.

    Args:
        params (Iterable): Parameters or parameter groups.
        lr (float): Learning rate.
        momentum (float): Momentum.
        weight_decay (float): Weight decay.
        repeats (int): Updates of each parameter in an iteration.
        carry_over (bool): True: as above, the rule of the PyTorch versions that the releases ran
            on, up to 1.4. The decay of one repeat stays in the gradient of the next. False: the
            rule of PyTorch 2. Each repeat decays the gradient of the loss anew, and in the first
            iteration each starts with an empty momentum buffer.

    Raises:
        ValueError: If ``repeats`` is below 1.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        repeats: int = 1,
        carry_over: bool = True,
    ) -> None:
        defaults = dict(
            lr=lr,
            momentum=momentum,
            weight_decay=weight_decay,
            repeats=repeats,
            carry_over=carry_over,
        )
        super().__init__(params, defaults)
        for group in self.param_groups:
            if group['repeats'] < 1:
                raise UserError(f'RepeatedSGD needs repeats >= 1, got {group["repeats"]}')

    @torch.no_grad()
    def step(  # type: ignore[override]
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        """Update all parameters that have a gradient; the gradients stay as they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            first, later = [], []
            for parameter in group['params']:
                if parameter.grad is not None:
                    known = 'momentum_buffer' in self.state[parameter]
                    (later if known else first).append(parameter)
            for parameter in first:
                self.state[parameter]['momentum_buffer'] = torch.zeros_like(parameter)
            self._update(first, group, group['momentum'] if group['carry_over'] else 0.0)
            self._update(later, group, group['momentum'])
        return loss

    def _update(self, parameters: list[Tensor], group: dict, momentum: float) -> None:
        # On a GPU, one kernel for all of them; on a CPU, one parameter stays in the cache.
        at_once = parameters[:1] and parameters[0].is_cuda
        for some in [parameters] if at_once else [[parameter] for parameter in parameters]:
            gradients = [parameter.grad for parameter in some if parameter.grad is not None]
            buffers = [self.state[parameter]['momentum_buffer'] for parameter in some]
            decayed = None
            for _ in range(group['repeats']):
                if decayed is None or not group['carry_over']:
                    decayed = torch._foreach_add(gradients, some, alpha=group['weight_decay'])
                else:
                    torch._foreach_add_(decayed, some, alpha=group['weight_decay'])
                torch._foreach_mul_(buffers, momentum)
                torch._foreach_add_(buffers, decayed)
                torch._foreach_add_(some, buffers, alpha=-group['lr'])
