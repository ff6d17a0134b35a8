"""Compiled: networks through torch.compile, correct and how fast."""

from measuring import timed

from .common import Row, Settings, repeated, tf32, toy
from .precision import compiled, total

TITLE = 'torch.compile'
NOTE = 'Backbone, heads and discriminators compiled one by one; images/s of the toy networks.'
MINUTES = 4


def cases(settings: Settings) -> list[str]:
    """Methods."""
    return [] if settings.smoke else list(settings.methods)


def run(case: str, settings: Settings) -> list[Row]:
    """One method with and without."""
    with tf32(False):
        plain, ours = (toy(case, settings.toy()) for _ in range(2))
        first = timed(lambda: total(compiled(ours)), settings.device)
        expected, found = total(plain), total(ours)
        for one in (plain, ours):
            repeated(one.step, 4)()
        before, after = (
            min(timed(repeated(one.step, 4), settings.device) for _ in range(3)) / 4
            for one in (plain, ours)
        )
    return [
        dict(
            case=case, difference=abs(found - expected) / abs(expected), first_step_s=first,
            step_ms=1e3 * before, compiled_ms=1e3 * after, times=before / after,
        )
    ]  # fmt: skip
