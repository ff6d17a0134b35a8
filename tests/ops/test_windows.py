"""Windows: their own pixels divide the image, and each has its context."""

import numpy as np
import pytest

from label_efficient_seg.ops import image_windows


@pytest.mark.parametrize(
    ('height', 'width', 'side', 'context'),
    [(5, 9, 16, 2), (64, 64, 16, 0), (65, 40, 16, 3), (33, 17, 16, 7), (100, 16, 16, 4)],
)
def test_own_pixels_divide_the_image(height, width, side, context):
    decided = np.zeros((height, width), int)
    for rows, columns, own_rows, own_columns in image_windows(height, width, side, context):
        assert rows.stop - rows.start == min(side, height)
        assert columns.stop - columns.start == min(side, width)
        decided[own_rows, own_columns] += 1
        for part, own, length in ((rows, own_rows, height), (columns, own_columns, width)):
            assert 0 <= part.start <= own.start < own.stop <= part.stop <= length
            assert own.start == 0 or own.start - part.start >= context
            assert own.stop == length or part.stop - own.stop >= context
    assert (decided == 1).all()


def test_context_leaves_something_to_decide():
    with pytest.raises(ValueError, match='16 pixels cannot have 8 of context'):
        list(image_windows(20, 20, 16, 8))
