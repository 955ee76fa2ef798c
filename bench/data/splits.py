"""Seeded random subsets of a training set."""

import numpy as np


def random_part(size: int, kept: int, seed: int, stream: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted indices of a random subset and of the remaining samples.

    Args:
        size: number of samples.
        kept: number of samples in the subset.
        seed: of the draw.
        stream: a number that separates different uses of the same seed.
    """
    order = np.random.default_rng([stream, seed]).permutation(size)
    return np.sort(order[:kept]), np.sort(order[kept:])
