"""Repeat: whether a train step gives the same weights twice on the device."""

import torch

from .common import Row, Settings, toy

TITLE = 'Equal in a second run'
NOTE = (
    'Three iterations, twice from the same seed: whether all weights are equal to the bit, as the '
    'kernels are by default, and with randomness.deterministic, which PyTorch may refuse.'
)
MINUTES = 1


def cases(settings: Settings) -> list[str]:
    """Methods, both ways."""
    return [f'{m} {kind}' for kind in ('default', 'deterministic') for m in settings.methods]


def run(case: str, settings: Settings) -> list[Row]:
    """Both runs of one method."""
    method, kind = case.split()
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(kind == 'deterministic')
    torch.backends.cudnn.deterministic = kind == 'deterministic'
    try:
        runs = [weights(method, settings) for _ in range(2)]
    finally:
        torch.use_deterministic_algorithms(before)
        torch.backends.cudnn.deterministic = False
    equal = all(torch.equal(a, b) for a, b in zip(*runs, strict=True))
    return [dict(case=case, equal=equal)]


def weights(method: str, settings: Settings) -> list[torch.Tensor]:
    """All weights after three iterations."""
    case = toy(method, settings.toy())
    for _ in range(1 if settings.smoke else 3):
        case.step()
    return list(case.model.state_dict().values())
