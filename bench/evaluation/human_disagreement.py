"""How much people disagree on images, and how an uncertainty score goes with it.

scipy is imported where it is used: it takes longer than all else that `bench list` does.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bench.evaluation.ranking import Uncertainty

Entropy = Float[np.ndarray, " n"]  # nats


class Judged(NamedTuple):
    """An uncertainty score, and the entropy of the labels that people gave to the same images."""

    uncertainty: Uncertainty
    entropy: Entropy


def entropy_of_counts(counts: Float[np.ndarray, "n classes"]) -> Entropy:
    """Return the entropy, in nats, of each sample's label counts."""
    from scipy.special import entr

    return entr(counts / counts.sum(axis=1, keepdims=True)).sum(axis=1)


def spearman(of: Judged) -> float:
    """Return Spearman's rank correlation; NaN where one side has a single value."""
    from scipy.stats import spearmanr

    varied = np.ptp(of.uncertainty) > 0 and np.ptp(of.entropy) > 0
    return float(spearmanr(*of).statistic) if varied else float("nan")
