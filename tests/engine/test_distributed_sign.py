"""Zero-shot segmentation: two gloo processes against one process with the joint batch."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmseg.registry import MODELS
from torch import nn

from label_efficient_seg.models.generators import SpatialInformationModule
from tests.models import tiny, tiny_adaptation, tiny_sign

STEPS = ['training', 'transfer', 'self_training']
ITERATIONS = 3


@MODELS.register_module()
class NoiselessInformation(SpatialInformationModule):
    """Without the noise, which is another one in each process."""

    def train(self, mode: bool = True) -> nn.Module:
        return super().train(False)


def build(step: str) -> tuple:
    torch.manual_seed(0)
    model = tiny_sign.build_model(
        step=step,
        lambda_fake=0.25,
        temperature=3,
        spatial_information=dict(type='NoiselessInformation', context_channels=6),
        loss_mmd=dict(type='MMDLoss', max_samples=None),
    )
    model = tiny_adaptation.to_double(model)
    return model.train(), tiny_sign.build_optimizers(model)


def joint_batch(seed: int) -> dict:
    """Four images of one size, of which every second one has few labels."""
    found = [tiny_sign.batch(seed + i)['labeled'] for i in range(4)]
    batch = {key: [images[key][1] for images in found] for key in found[0]}
    for sample in batch['data_samples'][::2]:
        sample.gt_sem_seg.data[:, :32] = 255
    return batch


def train(rank: int, world_size: int, step: str) -> dict:
    from label_efficient_seg.models.wrappers import StreamDataParallel

    model, optimizers = build(step)
    step_model = StreamDataParallel(model) if world_size > 1 else model
    for iteration in range(ITERATIONS):
        batch = joint_batch(10 * iteration)
        part = {key: values[rank::world_size] for key, values in batch.items()}
        tiny.train_step(step_model, iteration, dict(labeled=part), optimizers)
    return model.state_dict()


def worker(rank: int, world_size: int, port: int, out: str) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    torch.save([train(rank, world_size, step) for step in STEPS], f'{out}/{rank}.pth')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> tuple[list[dict], list[dict]]:
    """Weights after each step, in both processes."""
    folder = tmp_path_factory.mktemp('trained')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    mp.start_processes(worker, (2, port, str(folder)), nprocs=2, start_method='fork')
    return tuple(torch.load(folder / f'{rank}.pth') for rank in (0, 1))


@pytest.mark.parametrize('step', STEPS)
def test_two_processes_equal_one_with_the_joint_batch(trained, step):
    first, second = (states[STEPS.index(step)] for states in trained)
    start = build(step)[0].state_dict()
    expected = train(0, 1, step)
    assert first.keys() == expected.keys()
    moved = 0
    for name, value in expected.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(
            first[name], value, atol=1e-8, rtol=0, msg=lambda m, n=name: f'{n}: {m}'
        )
        moved += not torch.equal(value, start[name])
    assert moved > (10 if step == 'transfer' else 50)
