"""Bootstrap intervals of a mean difference, over seeds and over test samples."""

import numpy as np
from jaxtyping import Float

REPLICATES = 1000
LEVEL = 0.95
Interval = tuple[float, float]


def over_seeds(differences: Float[np.ndarray, " pairs"]) -> Interval | None:
    """Return the percentile interval of the mean over resampled pairs; None for a single pair."""
    return over_seeds_and_samples(differences[:, None]) if len(differences) > 1 else None


def over_seeds_and_samples(differences: Float[np.ndarray, "pairs samples"]) -> Interval:
    """Return the percentile interval of the mean when pairs of runs and test samples are both drawn again.

    All runs see one test set, so the two are crossed: each replicate draws pairs and, for all of them, samples
    (the pigeonhole bootstrap of Owen, 2007). Few pairs make it too narrow: of n, by about √((n − 1)/n).
    """
    rng = np.random.default_rng(0)
    means = [_counts(rng, len(differences)) @ (differences @ _counts(rng, differences.shape[1]))
             for _ in range(REPLICATES)]  # fmt: skip
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _counts(rng: np.random.Generator, n: int) -> Float[np.ndarray, " n"]:
    """Return how often each of n is drawn, as a part of all draws."""
    return np.bincount(rng.integers(n, size=n), minlength=n) / n
