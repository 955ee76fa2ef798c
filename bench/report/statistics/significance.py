"""Tests of paired differences, and what they can reach with few pairs.

Not scipy.stats.permutation_test: it gives the same p (a test compares them), but takes 0.4 s for 16
pairs and 0.6 s for 32, where this takes 0.02 s; 20 methods have 190 tests at each noise.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

ALPHA = 0.05
EXACT = 16  # pairs up to which all 2^n signs are enumerated
DRAWS, CHUNK = 99_999, 4096


def sign_flip(differences: Float[np.ndarray, " n"]) -> float:
    """Return the two-sided p of the paired permutation test of a mean difference of 0.

    Under the null hypothesis each difference is equally likely to be positive or negative (Fisher,
    1935). Up to 16 pairs all 2^n combinations of signs are tried, else 99,999 random ones beside
    the observed.
    """
    n = len(differences)
    rounding = 1e-9 * np.abs(differences).sum()  # by which equal sums may differ
    observed = abs(differences.sum()) - rounding
    extreme = sum(int((np.abs(signs @ differences) >= observed).sum()) for signs in _signs(n))
    return extreme / 2 ** (n - 1) if n <= EXACT else (extreme + 1) / (DRAWS + 1)


def _signs(n: int) -> Iterator[Float[np.ndarray, "some n"]]:
    """Yield rows of signs.

    Where all are tried the last is always +1: a sum and its opposite are equally extreme.
    """
    if n <= EXACT:
        yield 1.0 - 2.0 * (np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1)
        return
    rng = np.random.default_rng(0)
    for start in range(0, DRAWS, CHUNK):
        yield rng.choice([-1.0, 1.0], (min(CHUNK, DRAWS - start), n))


def smallest_p(pairs: int) -> float:
    """Return the smallest two-sided p of a sign-flip test of so many pairs: 2 / 2^n."""
    return min(1.0, 2.0 ** (1 - pairs))


def pairs_needed(comparisons: int, alpha: float = ALPHA) -> int:
    """Return how many pairs it takes that the smallest p passes Holm's first step."""
    return next(n for n in range(1, 100) if smallest_p(n) * comparisons <= alpha)


def holm(p: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Return p adjusted for m tests (Holm, 1979): running maximum of (m − i + 1)·p₍ᵢ₎, ≤ 1."""
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    adjusted = np.empty(len(p))
    adjusted[order] = stepped
    return adjusted
