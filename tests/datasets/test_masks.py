import numpy as np
import pytest

from label_efficient_seg.datasets.files.masks import (
    apply_lookup,
    describe_stray,
    label_lookup,
    stray_values,
)


def slow_label(value, reduce_zero_label, label_map, ignore_index):
    """One value at a time, in words of the documentation."""
    if value == ignore_index or value == 255:
        return 255
    if reduce_zero_label:
        if value == 0:
            return 255
        value -= 1
    return (label_map or {}).get(value, value)


@pytest.mark.parametrize('reduce_zero_label', [False, True])
@pytest.mark.parametrize('label_map', [None, {0: 255, 1: 0, 2: 1}, {0: 1, 1: 0}])
@pytest.mark.parametrize('ignore_index', [255, 0, 11, -1, 256])
def test_lookup(reduce_zero_label, label_map, ignore_index):
    lookup = label_lookup(reduce_zero_label, label_map, ignore_index)
    expected = [slow_label(v, reduce_zero_label, label_map, ignore_index) for v in range(256)]
    np.testing.assert_array_equal(lookup, expected)
    mask = np.random.default_rng(0).integers(0, 256, (9, 7), dtype=np.uint8)
    mapped = apply_lookup(mask, lookup)
    np.testing.assert_array_equal(mapped, [[expected[v] for v in row] for row in mask])


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize('num_classes', [3, 255, 256, None])
def test_stray_values(dtype, num_classes):
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 6, (9, 7)).astype(dtype)
    mask[0, 0] = 255
    if dtype != np.uint8:
        mask[0, 1] = 300
    expected = {}
    for value in mask.ravel().tolist():
        limit = 256 if num_classes is None else num_classes
        if value != 255 and value >= limit:
            expected[value] = expected.get(value, 0) + 1
    assert stray_values(mask, label_lookup(), num_classes) == expected


def test_description_is_short():
    text = describe_stray({value: value for value in range(100, 120)}, 21)
    assert text.startswith('values outside the 21 classes: 119 (119 pixels), 118 (118 pixels)')
    assert text.endswith('112 (112 pixels) and 12 more')
    assert describe_stray({300: 1}, None) == 'values outside what 8 bits hold: 300 (1 pixel)'
