"""Colours of classes, as ``'#804000'`` and as red, green and blue."""

import colorsys
import re
from collections.abc import Sequence

BACKGROUND = (0, 0, 0)
COLOR = re.compile('#[0-9a-fA-F]{6}')


def color_channels(color: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a colour such as ``'#804000'``."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def auto_palette(classes: Sequence[str]) -> tuple[tuple[int, int, int], ...]:
    """Colours that are easy to tell apart; black for a first class called background.

    Args:
        classes (Sequence[str]): Names of the classes.

    Returns:
        tuple[tuple[int, int, int], ...]: RGB, 0 to 255, pairwise different.
    """
    # Hues at golden sections of the circle are far apart, however many there are.
    colors = []
    for index, name in enumerate(classes):
        brightness = (1.0, 0.75, 0.5)[index // 8 % 3]
        channels = colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.85 - 0.1 * (index % 3), brightness)
        neutral = index == 0 and name.lower() in ('background', 'other')
        colors.append(BACKGROUND if neutral else tuple(round(255 * value) for value in channels))
    return tuple(colors)  # type: ignore[arg-type]
