"""Tests of paired differences, and what they can reach with few pairs."""

import numpy as np
from jaxtyping import Float

ALPHA = 0.05
EXACT = 15  # pairs of which all combinations of signs are tried; of more pairs as many random ones


def sign_flip(differences: Float[np.ndarray, " n"]) -> float:
    """Return the two-sided p of the paired permutation test of a mean difference of 0.

    Under the null hypothesis each difference is equally likely to be positive or negative (Fisher,
    1935).
    """
    from scipy.stats import permutation_test  # which takes long to import

    if len(differences) == 1:
        return 1.0  # scipy refuses a single pair
    found = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=2**EXACT,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def smallest_p(pairs: int) -> float:
    """Return the smallest two-sided p of a sign-flip test of so many pairs: 2 / 2^n, n ≤ 15."""
    return min(1.0, 2.0 ** (1 - min(pairs, EXACT)))


def pairs_needed(comparisons: int, alpha: float = ALPHA) -> int | None:
    """Return how many pairs it takes that the smallest p passes Holm's first step.

    None if no number does.
    """
    return next((n for n in range(1, EXACT + 1) if smallest_p(n) * comparisons <= alpha), None)


def holm(p: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Return p adjusted for m tests (Holm, 1979): running maximum of (m − i + 1)·p₍ᵢ₎, ≤ 1."""
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    adjusted = np.empty(len(p))
    adjusted[order] = stepped
    return adjusted
