"""What holds for every reader: it comes to an end, and takes no more memory than it needs."""

import resource
import signal
from collections.abc import Iterator

import pytest

SECONDS, KILOBYTES = 60, 600_000


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Ends a test that hangs, by the time of the processor, and fails one that fills the memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    handler = signal.signal(signal.SIGVTALRM, _say_hanging)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, handler)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < KILOBYTES


def _say_hanging(*_: object) -> None:
    pytest.fail(f'a reader hangs: {SECONDS} seconds of the processor are over')
