"""Domain adaptation: two gloo processes against one process with the joint batch."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from tests.models import tiny, tiny_adaptation

STEPS = 3
CASES = [('ADVENT', 1), ('ADVENT', 2), ('MinEnt', 1)]


def build(method: str, accumulative_counts: int) -> tuple:
    torch.manual_seed(0)
    weights = dict(lambda_entropy_main=0.5, lambda_entropy_aux=0.2)
    cfg = (
        tiny_adaptation.segmentor_cfg(type='MinEnt', **weights)
        if method == 'MinEnt'
        else tiny_adaptation.advent_cfg()
    )
    model = tiny_adaptation.to_double(tiny_adaptation.build_model(cfg))
    optimizers = tiny_adaptation.build_optimizers(model, accumulative_counts=accumulative_counts)
    if accumulative_counts > 1:
        for wrapper in optimizers.values():
            wrapper.initialize_count_status(model, 0, 100)
    return model.train(), optimizers


def joint_batches(step: int) -> dict:
    """Batches whose halves differ in labeled source pixels and in valid target pixels.

    All images of a stream have one size: convolutions see the zeros of padding, and the joint batch
    would be padded otherwise than its halves.
    """
    data = dict(
        source=tiny.batch((64, 80), 4, 100 + step, True),
        target=tiny.batch((72, 64), 3, 200 + step, False),
    )
    for name in data:
        for sample in data[name]['data_samples'][::2]:
            sample.gt_sem_seg.data[:, :40] = 255
    return data


def train(rank: int, world_size: int, method: str, accumulative_counts: int) -> dict:
    from label_efficient_seg.models.wrappers import StreamDataParallel

    model, optimizers = build(method, accumulative_counts)
    step_model = model
    if world_size > 1:
        if rank == 1:  # the wrapper starts all processes from the weights of the first
            for parameter in model.parameters():
                parameter.data.mul_(2)
        step_model = StreamDataParallel(model)
    for step in range(STEPS * accumulative_counts):
        data = {
            name: {key: values[rank::world_size] for key, values in batch.items()}
            for name, batch in joint_batches(step).items()
        }
        step_model.train_step(data, optimizers)
    return model.state_dict()


def worker(rank: int, world_size: int, port: int, out: str) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    torch.save([train(rank, world_size, *case) for case in CASES], f'{out}/{rank}.pth')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> tuple[list[dict], list[dict]]:
    """Weights after each case, in both processes."""
    folder = tmp_path_factory.mktemp('trained')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    mp.start_processes(worker, (2, port, str(folder)), nprocs=2, start_method='fork')
    return tuple(torch.load(folder / f'{rank}.pth') for rank in (0, 1))


@pytest.mark.parametrize('index', range(len(CASES)), ids=[f'{m}-{c}' for m, c in CASES])
def test_two_processes_equal_one_with_the_joint_batch(trained, index):
    first, second = (states[index] for states in trained)
    start = build(*CASES[index])[0].state_dict()
    expected = train(0, 1, *CASES[index])
    assert first.keys() == expected.keys()
    moved = 0
    for name, value in expected.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(
            first[name], value, atol=1e-9, rtol=0, msg=lambda m, n=name: f'{n}: {m}'
        )
        moved += not torch.equal(value, start[name])
    assert moved > 50
