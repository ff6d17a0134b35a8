"""Two gloo processes against one process with the joint batch."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from tests.models import tiny

STEPS = 3


def build(accumulative_counts: int) -> tuple:
    torch.manual_seed(0)
    model = tiny.build_model(discriminate_unlabeled=True, confidence_threshold=0.45).double()
    optimizers = tiny.build_optimizers(model, accumulative_counts=accumulative_counts)
    if accumulative_counts > 1:
        for wrapper in optimizers.values():
            wrapper.initialize_count_status(model, 0, 100)
    return model.train(), optimizers


def part(batch: dict, rank: int, world_size: int) -> dict:
    """The images of a process, dealt out one by one as samplers do."""
    return {key: values[rank::world_size] for key, values in batch.items()}


def joint_batches(step: int) -> dict:
    """Batches whose halves have clearly different numbers of labeled pixels."""
    data = tiny.batches(seed=100 + step, number=3)
    data['labeled'] = tiny.batch((64, 80), 4, 100 + step, True)
    for sample in data['labeled']['data_samples'][::2]:
        sample.gt_sem_seg.data[:, :40] = 255
    return data


def to_double(model: torch.nn.Module) -> None:
    # The preprocessor gives float32 images; the comparison needs float64 from there on.
    original = model.data_preprocessor.forward

    def forward(data: dict, training: bool = False) -> dict:
        result = original(data, training)
        return dict(result, inputs=result['inputs'].double())

    model.data_preprocessor.forward = forward


def train(rank: int, world_size: int, accumulative_counts: int) -> dict:
    model, optimizers = build(accumulative_counts)
    to_double(model)
    step_model = model
    if world_size > 1:
        from label_efficient_seg.models.wrappers import StreamDataParallel

        if rank == 1:  # the wrapper starts all processes from the weights of the first
            for parameter in model.parameters():
                parameter.data.mul_(2)
        step_model = StreamDataParallel(model)
    for step in range(STEPS * accumulative_counts):
        data = {k: part(v, rank, world_size) for k, v in joint_batches(step).items()}
        step_model.train_step(data, optimizers)
    return model.state_dict()


def worker(rank: int, world_size: int, port: int, counts: list[int], out: str) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    torch.save([train(rank, world_size, count) for count in counts], f'{out}/{rank}.pth')
    dist.destroy_process_group()


def test_two_processes_equal_one_with_the_joint_batch(tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    counts = [1, 2]
    mp.start_processes(worker, (2, port, counts, str(tmp_path)), nprocs=2, start_method='fork')
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1))
    for index, count in enumerate(counts):
        start = build(count)[0].state_dict()
        expected = train(0, 1, count)
        moved = 0
        for name, value in expected.items():
            assert torch.equal(first[index][name], second[index][name]), name
            torch.testing.assert_close(
                first[index][name], value, atol=1e-9, rtol=0, msg=lambda m, n=name: f'{n}: {m}'
            )
            moved += not torch.equal(value, start[name])
        assert moved > 50


def test_wrapper_refuses_models_that_do_not_average_gradients():
    from mmseg.models import EncoderDecoder

    from label_efficient_seg.models.wrappers import StreamDataParallel

    cfg = {k: v for k, v in tiny.model_cfg().items() if k in ('backbone', 'decode_head')}
    with pytest.raises(TypeError, match='EncoderDecoder does not average'):
        StreamDataParallel(EncoderDecoder(**cfg))
