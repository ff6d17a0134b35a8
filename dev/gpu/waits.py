"""Waits: where a train step makes the host wait for the device."""

import warnings
from collections import Counter

import torch

from .common import Case, Row, Settings, caller, toy

TITLE = 'Waiting for the device'
NOTE = (
    'Synchronisations within one train step, by CUDA\'s own debug mode, and where they are. '
    'Copies of the batch to the device are among them, as its memory is not pinned.'
)  # fmt: skip
MINUTES = 1


def cases(settings: Settings) -> list[str]:
    """Methods in float32 and with a scaled loss."""
    halves = ('fp32',) if settings.device == 'cpu' else ('fp32', 'fp16')
    return [f'{method} {half}' for half in halves for method in settings.methods]


def run(case: str, settings: Settings) -> list[Row]:
    """Count those of one method."""
    method, half = case.split()
    ours = toy(method, settings.toy(), half if half == 'fp16' else False)
    for _ in range(1 if settings.smoke else 4):
        ours.step()
    found = waits(ours) if settings.device != 'cpu' else Counter()
    places = '; '.join(f'{place} x{number}' for place, number in found.most_common())
    return [dict(case=case, waits=sum(found.values()), places=places)]


def waits(case: Case) -> Counter[str]:
    """Places of the synchronisations of a step."""
    found: Counter[str] = Counter()

    def note(message: Warning | str, *_: object, **__: object) -> None:
        if 'synchroniz' in str(message):
            found[caller()] += 1

    torch.cuda.set_sync_debug_mode('warn')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('always')
            warnings.showwarning = note
            case.step()
    finally:
        torch.cuda.set_sync_debug_mode('default')
    return found
