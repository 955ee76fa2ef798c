"""Seeded random parts of a training set."""

import numpy as np


def random_part(size: int, kept: int, seed: int, stream: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted indices of a seeded random part of `kept` samples, and of the rest.

    `stream` keeps the uses of one seed apart.
    """
    order = np.random.default_rng([stream, seed]).permutation(size)
    return np.sort(order[:kept]), np.sort(order[kept:])
