"""All losses of a segmentor at once, which a train step takes one stream after the other."""

from collections.abc import Generator
from typing import Any

from torch import Tensor

from label_efficient_seg.models.segmentors import StreamEncoderDecoder


def all_losses(
    model: StreamEncoderDecoder, batches: dict, iteration: int = 0
) -> tuple[dict[str, Tensor], Any]:
    """Those of all streams in one dict, and the rest."""
    return gathered(model.segmentor_losses(batches, iteration))


def gathered(found: Generator | tuple) -> tuple[dict[str, Tensor], Any]:
    """What ``segmentor_losses`` yields and returns, in one."""
    losses: dict[str, Tensor] = {}
    while isinstance(found, Generator):
        try:
            losses |= next(found)
        except StopIteration as end:
            found = end.value
    return losses | found[0], found[1]
