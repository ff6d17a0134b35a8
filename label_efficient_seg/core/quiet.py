"""Silence for what MMEngine notes on the way and nobody needs to read."""

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.logging import MMLogger


@contextmanager
def quiet_logger() -> Iterator[None]:
    """Let the current logger pass errors only, inside the ``with`` block."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('ERROR')
    try:
        yield
    finally:
        logger.setLevel(level)
