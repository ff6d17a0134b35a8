"""Objects of masks against loops over pixels."""

import numpy as np
import pytest

from label_efficient_seg.datasets.files.instances import object_boxes


def flood(mask: np.ndarray) -> set[tuple]:
    """Components of 8 neighbours, pixel by pixel."""
    left = {(y, x) for y, x in np.ndindex(mask.shape) if mask[y, x] not in (0, 255)}
    found = set()
    while left:
        start = left.pop()
        label, todo, pixels = mask[start], [start], [start]
        while todo:
            y, x = todo.pop()
            for near in ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if near in left and mask[near] == label:
                    left.remove(near)
                    todo.append(near)
                    pixels.append(near)
        rows, columns = zip(*pixels, strict=True)
        found.add((int(label), (min(columns), min(rows), max(columns) + 1, max(rows) + 1)))
    return found


@pytest.mark.parametrize('seed', range(5))
def test_components_are_those_of_a_flood(seed):
    rng = np.random.default_rng(seed)
    mask = rng.choice(np.array([0, 1, 2, 255], np.uint8), (15, 22), p=[0.6, 0.15, 0.15, 0.1])
    found = object_boxes(mask)
    assert set(found) == flood(mask)
    assert [label for label, _ in found] == sorted(label for label, _ in found)


def test_touching_objects_and_objects_in_parts_need_an_instance_mask():
    mask, instances = np.zeros((2, 8, 12), np.uint8)
    mask[2:6, 1:9] = 3
    instances[2:6, 1:4], instances[2:6, 4:9] = 1, 2
    mask[:, 10:] = 3
    mask[3:5, 10:] = 255
    instances[:, 10:] = 7
    touching, upper, lower = (3, (1, 2, 9, 6)), (3, (10, 0, 12, 3)), (3, (10, 5, 12, 8))
    assert sorted(object_boxes(mask)) == sorted([touching, upper, lower])
    assert object_boxes(mask, instances) == [
        (3, (1, 2, 4, 6)),
        (3, (4, 2, 9, 6)),
        (3, (10, 0, 12, 8)),
    ]


def test_an_instance_has_the_class_of_most_of_its_pixels():
    mask = np.array([[1, 2, 2, 0, 255, 255]], np.uint8)
    instances = np.array([[5, 5, 5, 5, 5, 6]], np.uint8)
    # The background is no class, and object 6 is void.
    assert object_boxes(mask, instances) == [(2, (1, 0, 3, 1))]
    assert object_boxes(mask, np.array([[0, 0, 0, 0, 255, 255]], np.uint8)) == []


def test_masks_without_objects():
    for value in (0, 255):
        assert object_boxes(np.full((4, 5), value, np.uint8)) == []
    assert object_boxes(np.ones((4, 5), np.uint8), background=1) == []
    assert object_boxes(np.full((4, 5), 9, np.uint8), ignore=9) == []
    with pytest.raises(ValueError, match=r'\(4, 5\).*\(5, 4\)'):
        object_boxes(np.zeros((5, 4), np.uint8), np.zeros((4, 5), np.uint8))
