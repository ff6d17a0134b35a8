from pathlib import Path

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmseg.registry import DATASETS
from torch import nn

from label_efficient_seg.datasets import StreamDataLoader
from label_efficient_seg.engine.loops.stream_iter_train_loop import (
    check_optimizers,
    check_streams,
    check_wrapper,
)

from .small_run import build_runner

SAMPLER = dict(type='InfiniteSampler', shuffle=True)


@DATASETS.register_module()
class NumbersDataset(BaseDataset):
    """Items are (index, a random number); it notes what is read."""

    METAINFO = dict(classes=('a', 'b'))
    read: list = []

    def __init__(self, size: int = 7, **kwargs) -> None:
        self.size = size
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(number=i) for i in range(self.size)]

    def prepare_data(self, idx: int) -> dict:
        self.read.append(idx)
        return dict(index=idx, noise=torch.rand(1).item())


def streams(**sizes) -> ConfigDict:
    return ConfigDict({
        name: dict(
            batch_size=2 + i, num_workers=0, sampler=SAMPLER,
            dataset=dict(type='NumbersDataset', size=size))
        for i, (name, size) in enumerate(sizes.items())
    })  # fmt: skip


def take(loader: StreamDataLoader, number: int, start: int = 0) -> list:
    batches = loader.batches(start)
    return [next(batches) for _ in range(number)]


def test_streams_have_their_own_size_order_and_randomness():
    found = take(StreamDataLoader(streams(labeled=7, unlabeled=7), seed=1), 5)
    assert {len(b['labeled']['index']) for b in found} == {2}
    assert {len(b['unlabeled']['index']) for b in found} == {3}
    labeled = [i for b in found for i in b['labeled']['index']]
    unlabeled = [i for b in found for i in b['unlabeled']['index']]
    assert sorted(labeled[:7]) == sorted(unlabeled[:7]) == list(range(7))
    assert labeled[:7] != unlabeled[:7]
    assert found[0]['labeled']['noise'][0] != found[0]['unlabeled']['noise'][0]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_starting_late_equals_skipping_and_reads_nothing_before(num_workers):
    cfg = streams(labeled=7, unlabeled=5)
    whole = take(StreamDataLoader(cfg, seed=3), 9)
    for stream in cfg.values():
        stream.num_workers = num_workers
    NumbersDataset.read.clear()
    assert take(StreamDataLoader(cfg, seed=3), 4, start=5) == whole[5:]
    if num_workers == 0:
        assert len(NumbersDataset.read) == 4 * (2 + 3)


def test_finite_samplers_start_again_with_another_order():
    cfg = streams(labeled=6)
    cfg.labeled.sampler = dict(type='DefaultSampler', shuffle=True)
    cfg.labeled.batch_size = 6
    found = take(StreamDataLoader(cfg, seed=0), 3)
    orders = [b['labeled']['index'] for b in found]
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert orders[0] != orders[1] or orders[1] != orders[2]
    assert take(StreamDataLoader(cfg, seed=0), 1, start=2) == found[2:]


def test_samples_leave_the_global_generators_alone():
    batches = StreamDataLoader(streams(labeled=7), seed=1).batches()
    next(batches)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    next(batches)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize('gpu', [False, True])
def test_memory_is_pinned_where_there_is_a_gpu(monkeypatch, gpu):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    cfg = streams(labeled=7, unlabeled=7)
    cfg['unlabeled']['pin_memory'] = False
    loaders = StreamDataLoader(cfg, seed=0).loaders
    assert loaders['labeled'].pin_memory == gpu and not loaders['unlabeled'].pin_memory


def test_bad_streams_are_named():
    cfg = streams(labeled=7)
    del cfg.labeled['batch_size']
    with pytest.raises(ValueError, match=r'train_dataloader\.labeled lacks batch_size'):
        StreamDataLoader(cfg, seed=0)
    cfg = streams(labeled=7)
    cfg.labeled.batch_sampler = dict(type='AspectRatioBatchSampler')
    with pytest.raises(ValueError, match='batch_sampler'):
        StreamDataLoader(cfg, seed=0)


class ReadsTwo(nn.Module):
    streams = ('labeled', 'unlabeled')


def test_missing_and_unknown_streams_are_named():
    with pytest.raises(ValueError, match=r"lacks 'unlabeled'.*'unlabelled' \(did you mean"):
        check_streams(ReadsTwo(), dict(labeled=1, unlabelled=1))
    with pytest.raises(ValueError, match='one dataloader config per stream'):
        check_streams(ReadsTwo(), [1])
    check_streams(ReadsTwo(), dict(unlabeled=1, labeled=1))


def test_missing_optimizers_are_named():
    model = nn.Linear(1, 1)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    check_optimizers(model, wrapper)  # of MMSeg
    model.optimizers = ('segmentor', 'discriminator')
    check_optimizers(model, OptimWrapperDict(segmentor=wrapper, discriminator=wrapper))
    with pytest.raises(ValueError, match='segmentor, discriminator, but .* has a single one witho'):
        check_optimizers(model, wrapper)
    with pytest.raises(ValueError, match=r'only segmentor; .* with discriminator=dict\(optimizer'):
        check_optimizers(model, OptimWrapperDict(segmentor=wrapper))


def test_plain_models_read_one_stream():
    with pytest.raises(ValueError, match='Linear has no attribute `streams`.* has 2: a, b'):
        check_streams(nn.Linear(1, 1), dict(a=1, b=1))
    with pytest.raises(ValueError, match='per stream: one, such as labeled'):
        check_streams(nn.Linear(1, 1), dict(batch_size=1, dataset=1, sampler=1))
    check_streams(nn.Linear(1, 1), dict(labeled=1))


class ReadBatches(Hook):
    """Notes what a model reads, and a random number it might have drawn."""

    def __init__(self) -> None:
        self.read = []

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.read.append((data_batch, torch.rand(1).item()))


def train_plain_model(work_dir: Path, **kwargs) -> list:
    hook = ReadBatches()
    loader = dict(
        batch_size=2, num_workers=0, sampler=SAMPLER, dataset=dict(type='SmallDataset', noise=True)
    )
    build_runner(
        work_dir,
        hooks=[hook],
        train_dataloader=dict(labeled=loader),
        train_cfg=dict(type='StreamIterTrainLoop', max_iters=6, val_interval=2),
        randomness=dict(seed=5),
        **kwargs,
    ).train()
    return hook.read


def test_plain_model_reads_what_a_method_would_and_resumes_in_its_place(tmp_path):
    read = train_plain_model(tmp_path / 'a')
    assert len(read) == 6
    cfg = streams(labeled=2, unlabeled=7)
    cfg.labeled.dataset = dict(type='SmallDataset', noise=True)
    paired = [batches['labeled'] for batches in take(StreamDataLoader(cfg, seed=5), 6)]
    assert [batch['inputs'] for batch, _ in read] == [batch['inputs'] for batch in paired]
    assert len({number for _, number in read}) == 6

    resumed = train_plain_model(
        tmp_path / 'b', load_from=str(tmp_path / 'a' / 'iter_4.pth'), resume=True
    )
    assert [(batch['inputs'], number) for batch, number in resumed] == [
        (batch['inputs'], number) for batch, number in read[4:]
    ]


def test_empty_stream_is_named():
    with pytest.raises(ValueError, match=r'train_dataloader\.unlabeled is empty'):
        StreamDataLoader(
            ConfigDict(
                unlabeled=dict(
                    batch_size=1,
                    num_workers=0,
                    sampler=dict(type='DefaultSampler', shuffle=False),
                    dataset=dict(type='NumbersDataset', size=0, serialize_data=False),
                )
            ),
            seed=0,
        )


def test_plain_data_parallel_is_refused(monkeypatch):
    class Fake(nn.Module):
        pass

    monkeypatch.setattr(
        'label_efficient_seg.engine.loops.stream_iter_train_loop.MMDistributedDataParallel', Fake
    )
    with pytest.raises(ValueError, match='StreamDataParallel'):
        check_wrapper(Fake())
