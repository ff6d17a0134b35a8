"""Two processes average gradients; a plain mean says what must come out."""

import os
import socket

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.utils.checkpoint import checkpoint

from label_efficient_seg.core import gradient_average
from label_efficient_seg.core.gradient_average import averaged_gradients

# Two buckets of single precision, one of double, one of single: the unused is in the last one.
SHAPES = dict(unused=(3,), early=(4, 2), double=(5,), middle=(40, 2), late=(7, 3))


def parameters() -> dict[str, nn.Parameter]:
    torch.manual_seed(0)
    found = {name: nn.Parameter(torch.randn(shape)) for name, shape in SHAPES.items()}
    found['double'] = nn.Parameter(found['double'].data.double())
    found['late'].data = found['late'].data.t().contiguous().t()  # strides of its own
    return found


def losses(named: dict[str, nn.Parameter], rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first pass alone reaches ``early``; both reach ``middle``."""
    weight = 1.5 + rank
    first = (weight * named['early']).sin().sum() + (weight * named['middle']).sum()
    second = sum((weight * named[name]).square().sum() for name in ('middle', 'late', 'double'))
    return first, second


def twice_through(rank: int) -> tuple[torch.Tensor, nn.Parameter, nn.Parameter]:
    """Sum of two passes that reach the weight twice going backward, and the scale at the end."""
    torch.manual_seed(1)
    layer, scale = nn.Linear(3, 3, bias=False), nn.Parameter(torch.tensor(1.0 + rank))
    passes = [checkpoint(layer, i * scale, use_reentrant=True) for i in torch.randn(2, 3, 3)]
    return sum(found.sin().sum() for found in passes), layer.weight, scale


def worker(rank: int, port: int, out: str) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=2)
    named, events = parameters(), []
    for name, parameter in named.items():
        parameter.register_post_accumulate_grad_hook(lambda p, n=name: events.append(n))
    all_reduce = dist.all_reduce

    def noted(flat: torch.Tensor, *args, **kwargs) -> object:
        events.append(len(flat))
        return all_reduce(flat, *args, **kwargs)

    dist.all_reduce = noted
    gradient_average.FIRST_BYTES = gradient_average.BUCKET_BYTES = 64
    shared = []
    for together in (False, True):  # the bucket is sent before the second time, or after it
        loss, weight, scale = twice_through(rank)
        with averaged_gradients([weight, scale] if together else [weight]):
            loss.backward()
        shared.append(weight.grad)
    first, second = losses(named, rank)
    first.backward()
    events.clear()
    with averaged_gradients(named.values()):
        second.backward()
    before = dict(gradients={n: p.grad for n, p in named.items()}, events=list(events))
    second = losses(named, rank)[1]
    second.backward()  # nobody watches any more
    before['shared'] = shared
    torch.save(dict(before, sent=len([e for e in events if isinstance(e, int)])), f'{out}/{rank}')
    dist.destroy_process_group()


def test_mean_of_two_processes_in_several_passes(tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    mp.start_processes(worker, (port, str(tmp_path)), nprocs=2, start_method='fork')
    own = []
    for rank in range(2):
        named = parameters()
        for loss in losses(named, rank):
            loss.backward()
        own.append(named)
    for rank in range(2):
        found = torch.load(tmp_path / str(rank))
        assert found['gradients'].pop('unused') is None
        for name, gradient in found['gradients'].items():
            # The second backward pass after the mean added to some of them.
            expected = (own[0][name].grad + own[1][name].grad) / 2
            if name != 'early':
                named = parameters()
                losses(named, rank)[1].backward()
                expected = expected + named[name].grad
            torch.testing.assert_close(gradient, expected)
            assert gradient.stride() == own[rank][name].stride()
        expected = 0
        for other in range(2):
            loss, weight, _ = twice_through(other)
            loss.backward()
            expected += weight.grad / 2
        for mean in found['shared']:
            torch.testing.assert_close(mean, expected)
        events = found['events']
        assert [event for event in events if isinstance(event, int)] == [21, 80, 5, 11]
        # The first message left before the pass had ended.
        assert events.index(21) < len(events) - 1 - events[::-1].index('middle')
        assert found['sent'] == 4


def test_one_process_sends_nothing():
    weight = nn.Parameter(torch.ones(2))
    with averaged_gradients([weight]):
        weight.sum().backward()
    assert weight.grad.tolist() == [1, 1]
