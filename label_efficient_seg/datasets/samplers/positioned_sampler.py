import itertools
from collections.abc import Iterator, Sized
from functools import partial

from mmengine.dist import get_dist_info
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler


@DATA_SAMPLERS.register_module()
class PositionedSampler(Sampler):
    """Makes any sampler endless, and numbers its samples.

    It yields ``(position, index)``, where ``position`` counts the samples of all processes from
    the start of training. :class:`SeededSamples` draws the augmentation from it, and training
    resumes at any position without reading an image.

    Args:
        sampler (dict): Config of the sampler that chooses the indices, for example
            ``dict(type='InfiniteSampler', shuffle=True)``. A finite one starts again, with the next
            ``set_epoch``, when it ends.
        dataset (Sized): The dataset.
        seed (int, optional): Seed of the inner sampler.
    """

    def __init__(self, sampler: dict, dataset: Sized, seed: int | None = None) -> None:
        self._build = partial(
            DATA_SAMPLERS.build, sampler, default_args=dict(dataset=dataset, seed=seed)
        )
        self._build()  # a wrong config fails here, not in the first iteration
        self.size = len(dataset)
        self.rank, self.world_size = get_dist_info()
        self._start = 0

    def skip(self, num_samples: int) -> None:
        """Start at a position.

        Args:
            num_samples (int): Samples that this process has already seen, counted from the start
                of training. Only indices are generated: a million take well under a second.
        """
        self._start = num_samples

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield (position, index) for ever."""
        for count, index in enumerate(
            itertools.islice(self._endless(), self._start, None), self._start
        ):
            yield count * self.world_size + self.rank, index

    def _endless(self) -> Iterator[int]:
        sampler = self._build()
        for epoch in itertools.count():
            if hasattr(sampler, 'set_epoch'):
                sampler.set_epoch(epoch)
            yield from sampler

    def __len__(self) -> int:
        """Size of the dataset."""
        return self.size
