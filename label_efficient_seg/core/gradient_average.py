"""Gradients averaged over processes, in buckets, while the backward pass still runs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from mmengine.dist import all_reduce_params, get_world_size
from torch import Tensor, nn

BUCKET_BYTES = 25 * 2**20
FIRST_BYTES = 2**20  # so that the first message leaves early
"""Sizes of the messages, those of PyTorch's ``DistributedDataParallel``."""


@contextmanager
def averaged_gradients(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Average gradients over all processes around the last backward pass before a step.

    A gradient is copied into a bucket once the pass has added to it, and a full bucket is sent at
    once. Gradients of passes before, which this one does not touch, follow at its end, and so does
    what the pass adds to a gradient that was sent, as it does where several forward passes of a
    module are checkpointed. In contrast to ``DistributedDataParallel`` the forward passes are not
    wrapped, so there may be any number of them, through any part of a model. All processes must
    have gradients of the same parameters.

    Args:
        parameters (Iterable[nn.Parameter]): In an order that all processes share. Those without a
            gradient at the end stay without.
    """
    if get_world_size() == 1:
        yield
        return
    buckets = _Buckets(parameters)
    hooks = buckets.watch()
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    buckets.finish()


class _Buckets:
    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.buckets: list[_Bucket] = []
        kind, room = None, 0
        # The last layers have their gradients first.
        for parameter in reversed(list(parameters)):
            if not parameter.requires_grad and parameter.grad is None:
                continue
            size = parameter.numel() * parameter.element_size()
            if (parameter.dtype, parameter.device) != kind or size > room:
                room = BUCKET_BYTES if self.buckets else FIRST_BYTES
                kind = parameter.dtype, parameter.device
                self.buckets.append(_Bucket())
            self.buckets[-1].missing[parameter] = None
            room -= size
        self.place = {p: bucket for bucket in self.buckets for p in bucket.missing}
        self.next = 0

    def watch(self) -> list:
        return [
            parameter.register_post_accumulate_grad_hook(self.ready)
            for parameter in self.place
            if parameter.requires_grad
        ]

    def ready(self, parameter: Tensor) -> None:
        self.place[parameter].take(parameter)
        # In order, so that the messages of all processes meet.
        while self.next < len(self.buckets) and not self.buckets[self.next].missing:
            self.send()

    def send(self) -> None:
        self.buckets[self.next].send()
        self.next += 1

    def finish(self) -> None:
        while self.next < len(self.buckets):
            self.send()
        for bucket in self.buckets:
            bucket.finish()


class _Bucket:
    """Gradients in one piece of memory.

    Attributes:
        missing (dict): Parameters whose gradient is not there yet, as keys.
        slots (dict): Place of the gradient of each parameter.
    """

    def __init__(self) -> None:
        self.missing: dict[Tensor, None] = {}
        self.slots: dict[Tensor, Tensor] = {}
        self.work: Any = None

    def take(self, parameter: Tensor) -> None:
        """Copy a gradient, divided for the mean: in one pass while the cache has it."""
        if self.work is not None:
            return  # what comes after the message waits for the end
        if not self.slots:
            self.reserve()
        gradient = parameter.grad
        assert gradient is not None
        torch.mul(gradient, 1 / get_world_size(), out=self.slots[parameter])
        self.missing.pop(parameter, None)

    def reserve(self) -> None:
        sizes = [parameter.numel() for parameter in self.missing]
        self.flat = next(iter(self.missing)).new_empty(sum(sizes))
        for parameter, piece in zip(self.missing, self.flat.split(sizes), strict=True):
            # In the order in which the optimizer reads the parameter, such as channels-last.
            strides = torch.empty_like(parameter, device='meta').stride()
            self.slots[parameter] = piece.as_strided(parameter.shape, strides)

    def send(self) -> None:
        for parameter in [p for p in self.missing if p.grad is not None]:
            self.take(parameter)
        if not self.slots:
            return
        for parameter in self.missing:
            self.slots[parameter].zero_()
        self.work = dist.all_reduce(self.flat, async_op=True)
        for parameter in self.slots:
            parameter.grad = None

    def finish(self) -> None:
        if self.work is None:
            return
        self.work.wait()
        late = [parameter.grad for parameter in self.slots if parameter.grad is not None]
        if late:
            all_reduce_params(late, op='mean')
        for parameter, slot in self.slots.items():
            if parameter not in self.missing:
                parameter.grad = slot if parameter.grad is None else slot.add_(parameter.grad)
