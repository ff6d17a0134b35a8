"""Two gloo processes against one process with the joint batch: methods with a teacher."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from label_efficient_seg.models.wrappers import StreamDataParallel
from tests.models import tiny, tiny_mixed, tiny_views

STEPS = 2
ADAPTATION = ('dacs', 'daformer', 'mic')
WITHOUT_TEACHER = ('fixmatch', 'unimatch')
# Channels are dropped by the generators of each process, so not here.
OPTIONS = dict(
    fixmatch=dict(),
    unimatch=dict(feature_dropout=0.0),
    unimatch_v2=dict(complementary=False, teacher_momentum=0.3),
    dacs=dict(teacher_momentum=0.3),
    daformer=dict(teacher_momentum=0.3),
    # Everything is masked.
    mic=dict(mask_ratio=1.0, mask_block=8, teacher_momentum=0.3),
)


def build(method: str) -> tuple:
    torch.manual_seed(0)
    tiny_model = tiny_mixed if method in ADAPTATION else tiny_views
    model = tiny_model.build_model(method, confidence_threshold=0.4, **OPTIONS[method])
    model.backbone.norm_eval = True  # batch statistics are those of each process
    model.train().double()
    model.init_weights()  # a second time: takes over the initial network, if one is needed
    return model, tiny_views.build_optimizers(model)


def joint_batches(step: int, method: str) -> dict:
    """Batches whose halves have clearly different numbers of labeled and valid pixels."""
    if method in ADAPTATION:
        data = tiny_mixed.batches(seed=100 + step, number=4)
        for label, sample in zip((1, 0, 2, 1), data['source']['data_samples'], strict=True):
            # The only class of an image is always drawn.
            mask = sample.gt_sem_seg.data
            mask[mask != 255] = label
            mask[:, : 10 * label] = 255
        return data
    data = tiny_views.batches(seed=100 + step)
    data['labeled'] = tiny.batch(tiny_views.SIZE, 4, 100 + step, True)
    for sample in data['labeled']['data_samples'][::3]:
        sample.gt_sem_seg.data[:, :20] = 255
    return data


def part(batch: dict, rank: int, world_size: int) -> dict:
    """A process gets pairs that are each other's partners in the joint batch as well."""
    indices = range(4) if world_size == 1 else ([0, 3], [1, 2])[rank]
    return {key: [values[i] for i in indices] for key, values in batch.items()}


def to_double(model: torch.nn.Module) -> None:
    original = model.data_preprocessor.forward
    # The comparison needs float64 from the images on.
    names = ('inputs', 'strong')
    model.data_preprocessor.float()

    def forward(data: dict, training: bool = False) -> dict:
        result = original(data, training)
        return {k: v.double() if k in names else v for k, v in result.items()}

    model.data_preprocessor.forward = forward


def train(rank: int, world_size: int, method: str) -> dict:
    model, optimizers = build(method)
    to_double(model)
    step_model = StreamDataParallel(model) if world_size > 1 else model
    for step in range(STEPS):
        data = {k: part(v, rank, world_size) for k, v in joint_batches(step, method).items()}
        tiny.train_step(step_model, step, data, optimizers)
    return model.state_dict()


def worker(rank: int, port: int, out: str) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group('gloo', rank=rank, world_size=2)
    torch.save({method: train(rank, 2, method) for method in OPTIONS}, f'{out}/{rank}.pth')
    dist.destroy_process_group()


@pytest.mark.filterwarnings('ignore')
def test_two_processes_equal_one_with_the_joint_batch(tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    mp.start_processes(worker, (port, str(tmp_path)), nprocs=2, start_method='fork')
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in (0, 1))
    for method in OPTIONS:
        start = build(method)[0].state_dict()
        expected = train(0, 1, method)
        moved = 0
        for name, value in expected.items():
            assert torch.equal(first[method][name], second[method][name]), name
            torch.testing.assert_close(
                first[method][name], value, atol=1e-9, rtol=0, msg=lambda m, n=name: f'{n}: {m}'
            )
            moved += name.startswith('teacher.') and not torch.equal(value, start[name])
        assert moved > 25 or method in WITHOUT_TEACHER
