import numpy as np
import pytest

from label_efficient_seg.datasets.files.stratification import random_selection, stratified_selection


def population(seed: int, images: int = 400, classes: int = 12) -> np.ndarray:
    """Classes from ubiquitous to two images, an all-void image, and a class that never occurs."""
    rng = np.random.default_rng(seed)
    presence = rng.random((images, classes)) < np.geomspace(1, 0.02, classes)
    presence[:, -1] = False
    presence[0] = False
    return presence


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('size', [12, 25, 50, 200, 399])
def test_every_class_and_its_share(seed, size):
    presence = population(seed)
    chosen = stratified_selection(presence, size, seed)
    assert len(chosen) == size
    assert (np.diff(chosen) > 0).all()
    counts = presence.sum(0)
    got = presence[chosen].sum(0)
    assert (got[counts > 0] > 0).all()
    assert got[-1] == 0
    expected = counts * size / len(presence)
    assert np.abs(got - expected).max() <= 2


def test_closer_to_the_shares_than_chance():
    presence = population(0, images=2000)
    expected = presence.sum(0) * 0.1
    errors = [
        [np.abs(presence[choose(seed)].sum(0) - expected).sum() for seed in range(10)]
        for choose in (
            lambda seed: stratified_selection(presence, 200, seed),
            lambda seed: random_selection(2000, 200, seed),
        )
    ]
    assert max(errors[0]) < min(errors[1])


@pytest.mark.parametrize('seed', range(5))
def test_fewer_images_than_classes(seed):
    # Images 0 to 3 show one class each, image 4 three of them: two images can show all four.
    presence = np.zeros((50, 4), dtype=bool)
    presence[range(4), range(4)] = True
    presence[4, 1:] = True
    presence[5:, 0] = True
    chosen = stratified_selection(presence, 2, seed)
    assert presence[chosen].any(0).all()
    assert len(stratified_selection(presence, 1, seed)) == 1


def test_repeatable_and_seeded():
    presence = population(0)
    first = stratified_selection(presence, 50, 1)
    np.testing.assert_array_equal(first, stratified_selection(presence, 50, 1))
    assert set(first) != set(stratified_selection(presence, 50, 2))
    np.testing.assert_array_equal(random_selection(400, 50, 1), random_selection(400, 50, 1))
    assert set(random_selection(400, 50, 1)) != set(random_selection(400, 50, 2))


def test_all_images_and_no_classes():
    presence = population(0, images=30)
    np.testing.assert_array_equal(stratified_selection(presence, 30, 0), np.arange(30))
    assert len(stratified_selection(np.zeros((30, 3), bool), 7, 0)) == 7
