"""The merge with segments against sets of pixels, and what its rules are for."""

import numpy as np
import pytest
import torch

from label_efficient_seg.ops import merge_segments


def by_sets(mask, segments, share, cover, growth):
    """The merge, one class and one segment after the other."""
    pixels = [{tuple(p) for p in np.argwhere(segment)} for segment in segments]
    merged, used = np.where(mask == 255, 255, 0), set()
    for index in sorted(set(mask.flatten().tolist()) - {0, 255}):
        region = {tuple(p) for p in np.argwhere(mask == index)}
        found = region - set().union(*pixels)
        for number, segment in enumerate(pixels):
            common = len(region & segment)
            wanted = common > share * len(segment) or common >= cover * len(region)
            small = growth is None or len(segment) <= growth * len(region)
            if number not in used and wanted and small:
                used.add(number)
                found |= segment
        for p in found:
            if mask[p] != 255:
                merged[p] = index
    return merged


@pytest.mark.parametrize('settings', [(0.5, 0.85, None), (0.3, 0.5, None), (0.2, 0.4, 1.5)])
def test_against_sets_of_pixels(settings):
    generator, seen = np.random.default_rng(0), set()
    for _ in range(40):
        blocks = generator.choice([0, 1, 2, 7, 255], (3, 4), p=[0.3, 0.2, 0.2, 0.2, 0.1])
        mask = np.kron(blocks, np.ones((3, 3), np.uint8))
        mask = np.where(generator.random(mask.shape) < 0.2, 2, mask)
        segments = np.zeros((6, *mask.shape), bool)
        for segment in segments:
            y, x, h, w = generator.integers(0, 9, 4)
            segment[y : y + h, x : x + w] = True
        expected = by_sets(mask, segments, *settings)
        found = merge_segments(torch.from_numpy(mask), torch.from_numpy(segments), *settings)
        np.testing.assert_array_equal(found, expected)
        backwards = torch.from_numpy(segments[::-1].copy())
        assert torch.equal(merge_segments(torch.from_numpy(mask), backwards, *settings), found)
        seen |= set(zip(mask.flat, found.numpy().flat, strict=True))
    assert len(seen) > 12


def test_objects_become_whole_segments_and_uncovered_pixels_stay():
    mask = torch.zeros(4, 10, dtype=torch.uint8)
    mask[:, 1:4], mask[:, 8] = 3, 5
    segment = torch.zeros(4, 10, dtype=torch.bool)
    segment[:, 0:5] = True
    found = merge_segments(mask, segment[None])
    assert found.dtype == torch.uint8
    assert found[0].tolist() == [3, 3, 3, 3, 3, 0, 0, 0, 5, 0]
    assert torch.equal(merge_segments(mask, segment[None][:0]), mask)


def test_a_tiny_class_takes_the_whole_image_unless_its_growth_is_limited():
    mask = torch.zeros(8, 8, dtype=torch.uint8)
    mask[0, :2] = 4
    everything = torch.ones(1, 8, 8, dtype=torch.bool)
    assert (merge_segments(mask, everything) == 4).all()
    assert not merge_segments(mask, everything, max_growth=8).any()


def test_neutral_pixels_stay_neutral_in_a_segment():
    mask = torch.tensor([[2, 2, 255, 0]])
    assert merge_segments(mask, torch.ones(1, 1, 4, dtype=torch.bool)).tolist() == [[2, 2, 255, 2]]


def test_sizes_that_differ():
    with pytest.raises(ValueError, match=r'size \(4, 5\) do not fit a mask of size \(4, 4\)'):
        merge_segments(torch.zeros(4, 4, dtype=torch.uint8), torch.zeros(2, 4, 5, dtype=torch.bool))
