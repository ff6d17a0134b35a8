import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from .stream_encoder_decoder import current_iteration


class MeanTeacher(nn.Module):
    """The exponential moving average of a model, for predictions only.

    A child of the model that it follows. Checkpoints therefore hold both, and a resumed run
    continues with the very same teacher. It has no trainable parameters, and stays in evaluation
    mode when the training loop switches the whole model to training mode.

    Args:
        student (nn.Module): The model to follow, before it gets this child.
        momentum (float): Share of the teacher that an update keeps, in [0, 1).

    Source: Tarvainen and Valpola, Mean teachers are better role models, NeurIPS 2017.
    """

    def __init__(self, student: nn.Module, momentum: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(student).requires_grad_(False)
        self.momentum = momentum
        self.train(False)

    def train(self, mode: bool = True) -> 'MeanTeacher':
        """Stay in evaluation mode, whatever the mode asked for."""
        return super().train(False)

    def forward(self, *args, **kwargs) -> Any:
        """Forward pass of the averaged model."""
        return self.network(*args, **kwargs)

    @torch.no_grad()
    def update(self, student: nn.Module, iteration: int) -> None:
        """Move towards the student: ``teacher = r * teacher + (1 - r) * student``.

        ``r = min(1 - 1 / (t + 1), momentum)``, so that the first update copies the student and the
        early ones give the plain mean of all students so far. Buffers are averaged like
        parameters; integer ones, such as the number of batches of batch norm, are copied.

        Args:
            student (nn.Module): The model to follow, after its optimizer's step.
            iteration (int): t, the number of finished iterations before this one.
        """
        kept = min(1 - 1 / (iteration + 1), self.momentum)
        values = dict(student.named_parameters()) | dict(student.named_buffers())
        means = dict(self.network.named_parameters()) | dict(self.network.named_buffers())
        averaged = [name for name, mean in means.items() if kept and mean.is_floating_point()]
        for name in means.keys() - averaged:
            means[name].copy_(values[name])
        if averaged:
            # A few kernels for all tensors, in place of three for each.
            moved = torch._foreach_mul([values[name] for name in averaged], 1 - kept)
            torch._foreach_mul_([means[name] for name in averaged], kept)
            torch._foreach_add_([means[name] for name in averaged], moved)

    @contextmanager
    def following(
        self, student: nn.Module, optim_wrapper: OptimWrapper, first: int = 0
    ) -> Iterator[None]:
        """Around a train step of the student: follow it, once its weights have moved.

        In the first iteration it takes over weights that were loaded or initialised after the model
        was built.

        Args:
            student (nn.Module): The model to follow.
            optim_wrapper (OptimWrapper): Of the student.
            first (int): t of :meth:`update` in the first iteration.
        """
        iteration = current_iteration()
        if iteration == 0:
            self.copy(student)
        yield
        if optim_wrapper.should_update():
            self.update(student, iteration + first)

    def copy(self, student: nn.Module) -> None:
        """Take over the student as it is."""
        self.update(student, iteration=0)
