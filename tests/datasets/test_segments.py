"""Files of segments: numbers of pixels, and run lengths that may overlap."""

import json

import numpy as np
import pytest
from PIL import Image

from label_efficient_seg.datasets.files.segments import find_segments, read_segments


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_numbers_of_pixels(dtype, tmp_path):
    numbers = np.array([[0, 3, 3], [255, 7, 0]], dtype)
    Image.fromarray(numbers).save(tmp_path / 'a.png')
    found = read_segments(tmp_path / 'a.png', (2, 3))
    # A map of 16 bits can have a segment of number 255.
    expected = [3, 7] if dtype == np.uint8 else [3, 7, 255]
    np.testing.assert_array_equal(found, [numbers == value for value in expected])
    Image.fromarray(np.zeros((4, 5), dtype)).save(tmp_path / 'b.png')
    assert read_segments(tmp_path / 'b.png', (4, 5)).shape == (0, 4, 5)


def test_run_lengths_of_segment_anything(tmp_path):
    # Down the columns of 2 x 3 pixels: 1 without, 3 with, 2 without; the second has all.
    entries = [
        dict(segmentation=dict(size=[2, 3], counts=[1, 3, 2]), area=3),
        dict(segmentation=dict(size=[2, 3], counts=[0, 6])),
    ]
    for name, content in (('a', entries), ('b', dict(annotations=entries)), ('c', [])):
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    for name in 'ab':
        found = read_segments(tmp_path / f'{name}.json', (2, 3))
        np.testing.assert_array_equal(found, [[[0, 1, 0], [1, 1, 0]], [[1, 1, 1], [1, 1, 1]]])
    assert read_segments(tmp_path / 'c.json', (2, 3)).shape == (0, 2, 3)


def test_what_is_no_file_of_segments_is_named(tmp_path):
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r"segments '.*a.png' are 5x4 .* the image is 5x5"):
        read_segments(tmp_path / 'a.png', (5, 5))
    broken = ['{', '{}', '[1]', '[{"segmentation": {"size": [2, 3], "counts": [5]}}]', '7']
    for text in broken:
        (tmp_path / 'b.json').write_text(text)
        with pytest.raises(ValueError, match=r"b.json' holds no segments .*--convert-to-rle"):
            read_segments(tmp_path / 'b.json', (2, 3))


def test_files_by_id(tmp_path):
    (tmp_path / 'x').mkdir()
    for name in ('x/a.png', 'b.json', 'c.txt'):
        (tmp_path / name).touch()
    found = find_segments(tmp_path, ['x/a', 'b'])
    assert found == {'x/a': tmp_path / 'x/a.png', 'b': tmp_path / 'b.json'}
    with pytest.raises(FileNotFoundError, match=r"no segments of image 'c' and 1 more|'c'"):
        find_segments(tmp_path, ['b', 'c', 'd'])
