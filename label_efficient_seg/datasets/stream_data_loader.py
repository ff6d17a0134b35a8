import copy
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from ..core.errors import UserError


class StreamDataLoader:
    """One dataloader per stream, read in step.

    Args:
        streams (Mapping[str, dict]): Dataloader configs by name of the stream, in any of MMSeg's
            forms but with ``batch_size`` and without ``batch_sampler``.
        seed (int): Seed of the training run. Each stream derives its own from it and its name.

    Raises:
        ValueError: If a stream is not a dataloader config, or its dataset is empty.
    """

    def __init__(self, streams: Mapping[str, dict], seed: int) -> None:
        self.seed = seed
        self.loaders = {name: _build(name, cfg, seed) for name, cfg in streams.items()}

    @property
    def dataset(self) -> Dataset:
        """Dataset: Of the first stream, whose meta information stands for the run's."""
        return next(iter(self.loaders.values())).dataset

    def __len__(self) -> int:
        """Batches in one pass over the first stream."""
        return len(next(iter(self.loaders.values())))

    def __iter__(self) -> Iterator[dict]:
        """Batches from the beginning."""
        return self.batches()

    def batches(self, start: int = 0) -> Iterator[dict]:
        """Yield ``{stream: batch}`` for ever.

        Args:
            start (int): Iteration to start at. Nothing is read for the iterations before it.
        """
        for loader in self.loaders.values():
            loader.sampler.skip(start * loader.batch_size)
        iterators = {name: iter(loader) for name, loader in self.loaders.items()}
        while True:
            yield {name: next(iterator) for name, iterator in iterators.items()}


def _build(name: str, cfg: dict, seed: int) -> DataLoader:
    needed = ('batch_size', 'dataset', 'sampler')
    missing = [key for key in needed if key not in cfg] if isinstance(cfg, Mapping) else needed
    if missing:
        raise UserError(
            f'train_dataloader.{name} lacks {", ".join(missing)}: a stream is an '
            'ordinary dataloader config'
        )
    if 'batch_sampler' in cfg:
        raise UserError(
            f'train_dataloader.{name} has a batch_sampler; streams are sampled by '
            'their sampler and batch_size alone'
        )
    seed = int(np.random.SeedSequence((seed, zlib.crc32(name.encode()))).generate_state(1)[0])
    cfg = copy.deepcopy(dict(cfg))
    cfg['dataset'] = dict(type='SeededSamples', dataset=cfg['dataset'], seed=seed)
    cfg['sampler'] = dict(type='PositionedSampler', sampler=cfg['sampler'])
    # From pinned memory, images are copied to a GPU while it works.
    cfg.setdefault('pin_memory', torch.cuda.is_available())
    # NumPy and Python take seeds of 32 bits, from which workers count upwards.
    loader = Runner.build_dataloader(cfg, seed=seed % 2**31)
    if len(loader.dataset) == 0:
        raise UserError(
            f'the dataset of train_dataloader.{name} is empty; check its ann_file, '
            'data_root and data_prefix'
        )
    return loader
