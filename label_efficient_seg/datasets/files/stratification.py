"""Random choice of the images to label, with or without regard to their classes."""

import numpy as np

CANDIDATES = 32
"""Images drawn per place, of which the one that keeps the classes in proportion is taken."""


def random_selection(population: int, size: int, seed: int) -> np.ndarray:
    """Choose images with equal probability.

    Args:
        population (int): Number of images N.
        size (int): Number to choose, 1..N.
        seed (int): Seed; equal seeds choose equal images.

    Returns:
        np.ndarray: Sorted indices, int64, shape (size,).
    """
    # RandomState, unlike newer generators, gives the same numbers in every version of NumPy.
    return np.sort(np.random.RandomState(seed).permutation(population)[:size])


def stratified_selection(presence: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Choose images so that classes occur in them about as often as in all images.

    First every class gets one image as far as ``size`` allows, rare classes first. Each further
    place goes to the best of a few random images: the one after which the numbers of images per
    class are nearest to their expectation, rare classes counting as much as common ones.

    Args:
        presence (np.ndarray): Which classes occur in which image, bool, shape (N, C).
        size (int): Number of images to choose, 1..N.
        seed (int): Seed; equal seeds choose equal images.

    Returns:
        np.ndarray: Sorted indices, int64, shape (size,). Every class that occurs at all occurs
        in them if ``size >= C``.
    """
    presence = np.asarray(presence, dtype=bool)
    random = np.random.RandomState(seed)
    # A random order once, so that "the first" below is a random one.
    order = random.permutation(len(presence))
    shuffled = presence[order]
    chosen = _one_image_per_class(shuffled, size)
    _fill(shuffled, chosen, size, random)
    return np.sort(order[chosen])


def _one_image_per_class(presence: np.ndarray, size: int) -> np.ndarray:
    """Mask of images, at most ``size``, that show as many classes as possible, rare ones first."""
    counts = presence.sum(0)
    classes = [c for c in np.argsort(counts, kind='stable') if counts[c]]
    chosen = np.zeros(len(presence), dtype=bool)
    uncovered = counts > 0
    for c in classes:
        if uncovered[c] and chosen.sum() < size:
            images = np.flatnonzero(presence[:, c])
            if size < len(classes):  # too few for one image each: take those with most new classes
                images = images[np.argsort(-presence[images][:, uncovered].sum(1), kind='stable')]
            chosen[images[0]] = True
            uncovered &= ~presence[images[0]]
    return chosen


def _fill(
    presence: np.ndarray, chosen: np.ndarray, size: int, random: np.random.RandomState
) -> None:
    """Complete ``chosen`` (in place) to ``size`` images that keep the classes in proportion."""
    counts = presence.sum(0)
    presence = presence[:, counts > 0]
    share = counts[counts > 0] / len(presence)
    have = presence[chosen].sum(0)
    free = np.flatnonzero(~chosen)
    for number in range(int(chosen.sum()) + 1, size + 1):
        picks = random.randint(len(free), size=CANDIDATES)
        errors = (have + presence[free[picks]] - number * share) ** 2 / share
        # A running sum has one order of additions, so that ties are ties on every machine.
        total = np.cumsum(errors, axis=1)[:, -1:].ravel()
        best = picks[np.argmin(total)] if total.size else picks[0]
        chosen[free[best]] = True
        have = have + presence[free[best]]
        free[best] = free[-1]
        free = free[:-1]
