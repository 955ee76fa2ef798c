"""How much people disagree on images, and how an uncertainty score goes with it.

scipy is imported where it is used: it takes longer than all else that `bench list` does.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bench.evaluation.ranking import Uncertainty
from bench.evaluation.valid_arrays import ArrayError, require_one_length, require_real

Entropy = Float[np.ndarray, " n"]  # nats


class Judged(NamedTuple):
    """An uncertainty score, and the entropy of the labels that people gave to the same images."""

    uncertainty: Uncertainty
    entropy: Entropy


def entropy_of_counts(counts: Float[np.ndarray, "n classes"]) -> Entropy:
    """Return the entropy, in nats, of each sample's label counts.

    Raises:
        ArrayError: the counts are no finite numbers (n, K) from 0, or a sample has none above 0.
    """
    require_counts(counts)
    from scipy.special import entr

    return entr(counts / counts.sum(axis=1, keepdims=True)).sum(axis=1)


def require_counts(counts: Float[np.ndarray, "n classes"]) -> None:
    """Check how often people gave each sample each label.

    Raises:
        ArrayError: the counts are no finite numbers (n, K) from 0, or a sample has none above 0.
    """
    require_real("human counts", counts, ndim=2, whole=True)
    if (counts < 0).any():
        raise ArrayError(f"human counts must be 0 or more, got {counts.min()}")
    if not (sums := counts.sum(axis=1)).all():
        raise ArrayError(f"human counts must be above 0 for one class or more, sample {sums.argmin()} has none")


def spearman(of: Judged) -> float:
    """Return Spearman's rank correlation; NaN where one side has a single value.

    To the last digit it is the same with any number of threads, which scipy's own is not.

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    require_real("uncertainty", of.uncertainty)
    require_real("human entropy", of.entropy)
    require_one_length(uncertainty=of.uncertainty, entropy=of.entropy)
    from scipy.stats import rankdata

    if not (np.ptp(of.uncertainty) > 0 and np.ptp(of.entropy) > 0):
        return float("nan")
    mine, theirs = (ranks - ranks.mean() for ranks in map(rankdata, of))
    return float((mine * theirs).sum() / np.sqrt((mine**2).sum() * (theirs**2).sum()))
