"""Tests of paired differences, and what they can reach with few pairs."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

ALPHA = 0.05
EXACT = 16  # pairs up to which all 2^n signs are enumerated
DRAWS, CHUNK = 99_999, 4096


def sign_flip(differences: Float[np.ndarray, " n"]) -> float:
    """Return the two-sided p of the paired permutation test of a mean difference of 0 (Fisher, 1935).

    Without a difference the sign of each pair's is arbitrary. All 2^n signs are tried for up to 16 pairs, else
    99,999 drawn ones beside the observed.
    """
    n = len(differences)
    observed = abs(differences.sum()) - 1e-9 * np.abs(differences).sum()  # equal sums differ by rounding
    extreme = sum(int((np.abs(signs @ differences) >= observed).sum()) for signs in _signs(n))
    return extreme / 2 ** (n - 1) if n <= EXACT else (extreme + 1) / (DRAWS + 1)


def _signs(n: int) -> Iterator[Float[np.ndarray, "some n"]]:
    """Yield rows of signs; where all are tried the last is +1, as a sum and its opposite are equally extreme."""
    if n <= EXACT:
        yield 1.0 - 2.0 * (np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1)
        return
    rng = np.random.default_rng(0)
    for start in range(0, DRAWS, CHUNK):
        yield rng.choice([-1.0, 1.0], (min(CHUNK, DRAWS - start), n))


def smallest_p(pairs: int) -> float:
    """Return the smallest two-sided p that a sign-flip test of so many pairs can reach: 2 / 2^n."""
    return min(1.0, 2.0 ** (1 - pairs))


def pairs_needed(comparisons: int, alpha: float = ALPHA) -> int:
    """Return the number of pairs from which the smallest p passes Holm's first step among so many comparisons."""
    return next(n for n in range(1, 100) if smallest_p(n) * comparisons <= alpha)


def holm(p: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Return p adjusted for m tests: running maximum of (m − i + 1)·p₍ᵢ₎, at most 1 (Holm, 1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    adjusted = np.empty(len(p))
    adjusted[order] = stepped
    return adjusted
