"""Label values with a fixed meaning."""

IGNORE = 255
"""Label that void and padded pixels have in memory, whatever value the mask files use."""

MOST_CLASSES = IGNORE
"""Masks are 8-bit files, in which the indices of the classes must stay below :data:`IGNORE`."""


def class_number_fault(count: int) -> str | None:
    """What is wrong with a number of classes, or nothing.

    Args:
        count (int): Number of classes, the background included.
    """
    if count < 2:
        return (
            f'{count} class: every pixel has it, so there is nothing to learn; give two at least, '
            "such as classes=('background', 'tumour')"
        )
    if count > MOST_CLASSES:
        return (
            f'{count} classes: masks have 8 bits and 255 is void, so {MOST_CLASSES} is the most; '
            'join classes with metainfo'
        )
    return None
