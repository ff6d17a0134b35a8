import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmseg.registry import DATASETS
from torch.utils.data import Dataset


@DATASETS.register_module()
class SeededSamples(Dataset):
    """Makes the augmentation of a sample a function of the seed and its position in training.

    The order of the images alone does not make a run repeatable: random crops come from the global
    generators, which differ after a resume and with the number of workers or processes. Here each
    sample seeds them for itself and leaves them as they were.

    Args:
        dataset (dict): Config of the dataset.
        seed (int): Seed of the stream.
    """

    def __init__(self, dataset: dict, seed: int) -> None:
        self.dataset = DATASETS.build(dataset)
        self.seed = seed
        self.full_init()

    @property
    def metainfo(self) -> dict:
        """dict: Meta information of the dataset."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Read the dataset's lists, where it reads them lazily."""
        if hasattr(self.dataset, 'full_init'):
            self.dataset.full_init()

    def __len__(self) -> int:
        """Number of images."""
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> Any:
        """Load one sample.

        Args:
            key (tuple[int, int]): ``(position, index)`` of :class:`PositionedSampler`.
        """
        position, index = key
        with seeded(np.random.SeedSequence((self.seed, position))):
            return self.dataset[index]


@contextmanager
def seeded(sequence: np.random.SeedSequence) -> Iterator[None]:
    """Seed Python's, NumPy's and PyTorch's CPU generators, and restore them afterwards."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed = int(sequence.generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    # Not torch.manual_seed: it would seed the accelerators too, which are not restored.
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
