from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def small_numbers_count_afterwards() -> Iterator[None]:
    """What builds the cases of the benchmarks takes numbers below 1e-38 for 0 in its process."""
    yield
    torch.set_flush_denormal(False)
