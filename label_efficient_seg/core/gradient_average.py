"""Gradients averaged over processes, in buckets, while the backward pass still runs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from mmengine.dist import get_world_size
from torch import Tensor, nn

BUCKET_BYTES = 25 * 2**20
FIRST_BYTES = 2**20  # so that the first message leaves early
"""Sizes of the messages, those of PyTorch's ``DistributedDataParallel``."""


@contextmanager
def averaged_gradients(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Average gradients over all processes around the last backward pass before a step.

    A bucket of gradients is sent as soon as the pass has added to the last of them. Gradients of
    passes before, which this one does not touch, are sent at its end. In contrast to
    ``DistributedDataParallel`` the forward passes are not wrapped, so there may be any number of
    them, through any part of a model. All processes must have gradients of the same parameters.

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
        self.buckets: list[list[nn.Parameter]] = []
        kind, room = None, 0
        # The last layers have their gradients first.
        for parameter in reversed(list(parameters)):
            size = parameter.numel() * parameter.element_size()
            if (parameter.dtype, parameter.device) != kind or size > room:
                room = BUCKET_BYTES if self.buckets else FIRST_BYTES
                kind = parameter.dtype, parameter.device
                self.buckets.append([])
            self.buckets[-1].append(parameter)
            room -= size
        self.place = {p: index for index, bucket in enumerate(self.buckets) for p in bucket}
        self.missing = [len(bucket) for bucket in self.buckets]
        self.sent: list[tuple[Any, Tensor, list[Tensor]]] = []
        self.next = 0

    def watch(self) -> list:
        return [
            parameter.register_post_accumulate_grad_hook(self.ready)
            for parameter in self.place
            if parameter.requires_grad
        ]

    def ready(self, parameter: Tensor) -> None:
        self.missing[self.place[parameter]] -= 1
        # In order, so that the messages of all processes meet.
        while self.next < len(self.buckets) and not self.missing[self.next]:
            self.send()

    def send(self) -> None:
        gradients = [p.grad for p in self.buckets[self.next] if p.grad is not None]
        self.next += 1
        if gradients:
            flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
            self.sent.append((dist.all_reduce(flat, async_op=True), flat, gradients))

    def finish(self) -> None:
        while self.next < len(self.buckets):
            self.send()
        number = get_world_size()
        for work, flat, gradients in self.sent:
            work.wait()
            means = flat.div_(number).split([gradient.numel() for gradient in gradients])
            for gradient, mean in zip(gradients, means, strict=True):
                gradient.copy_(mean.view(gradient.shape))
