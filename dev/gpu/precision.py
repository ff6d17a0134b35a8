"""Precision: every method in half precision, channels-last, and compiled."""

import torch
from train_case import networks, wrappers_of

from .common import Case, HostRandomness, Row, Settings, tf32, toy

TITLE = 'Half precision, channels-last, compiled'
NOTE = (
    'Twelve iterations of each method. The difference is that of the first losses from float32 '
    'without TF32 on the same device. With fp16, steps whose gradients overflow are skipped while '
    'the scale of the loss falls; steps are counted over all optimizers.'
)
MINUTES = 4
ITERATIONS = 12
KINDS = ('bf16', 'fp16', 'channels-last', 'fp16-channels-last')


def cases(settings: Settings) -> list[str]:
    """Methods in each kind."""
    kinds = KINDS if settings.device != 'cpu' else ('bf16', 'channels-last')
    return [f'{method} {kind}' for kind in kinds for method in settings.methods]


def run(case: str, settings: Settings) -> list[Row]:
    """Train one of them."""
    method, kind = case.split()
    amp = next((half for half in ('bf16', 'fp16') if half in kind), False)
    with tf32(False):
        expected = total(toy(method, settings.toy()))
        ours = toy(method, settings.toy(), amp)
        if 'channels-last' in kind:
            ours.model.to(memory_format=torch.channels_last)
        return [train(case, ours, expected, 2 if settings.smoke else ITERATIONS)]


def total(case: Case) -> float:
    """Sum of all losses of the first iteration."""
    with HostRandomness():
        log = case.step()
    return sum(float(value.detach()) for name, value in log.items() if 'loss' in name)


def train(name: str, case: Case, expected: float, iterations: int) -> Row:
    """Some iterations, and what became of them."""
    taken = [0]

    def count(*_: object) -> None:
        taken[0] += 1

    wrappers = wrappers_of(case.optimizers).values()
    for wrapper in wrappers:
        wrapper.optimizer.register_step_post_hook(count)
    first = total(case)
    last = [total(case) for _ in range(iterations - 1)][-1]
    finite = all(bool(p.isfinite().all()) for p in case.model.parameters())
    scales = [w.loss_scaler.get_scale() for w in wrappers if hasattr(w, 'loss_scaler')]
    return dict(
        case=name,
        difference=abs(first - expected) / abs(expected),
        finite=finite and last == last,
        steps=taken[0],
        scale=min(scales, default=None),
    )


def compiled(case: Case) -> Case:
    """Networks go through torch.compile."""
    for network in networks(case.model):
        network.compile()
    return case
