"""Metrics of a ranking: how well an uncertainty score orders errors after right samples.

One sort serves all metrics of a score. Tied samples count in expectation over their order.
All values are fractions of 1. Symbols: n samples, e errors (1 = misclassified,
or, among training labels, flipped), R error rate.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from bench.evaluation.valid_arrays import (
    require_count,
    require_flags,
    require_labels,
    require_one_length,
    require_part,
    require_real,
)

Uncertainty = Float[np.ndarray, " n"]  # larger = less sure
Errors = Bool[np.ndarray, " n"]


@dataclass(frozen=True)
class Scored:
    """Samples with an uncertainty each; it should be larger for the positives: errors, or flips.

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """

    uncertainty: Uncertainty
    errors: Errors  # misclassified test samples, or flipped training labels
    labels: Int[np.ndarray, " n"]
    num_classes: int

    def __post_init__(self) -> None:
        require_real("uncertainty", self.uncertainty)
        require_flags("errors", self.errors)
        require_labels("labels", self.labels, self.num_classes)
        require_one_length(uncertainty=self.uncertainty, errors=self.errors, labels=self.labels)

    @cached_property
    def ranking(self) -> "Ranking":
        """The samples sorted by uncertainty, once for all metrics."""
        return rank(self.uncertainty, self.errors)


class Ranking(NamedTuple):
    """Samples in order of rising uncertainty, tied ones in one group; both arrays start at 0."""

    counts: Int[np.ndarray, " groups"]  # samples up to and with each group
    errors: Float[np.ndarray, " groups"]  # errors among them

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.counts[-1])

    @property
    def positives(self) -> float:
        """Number of errors."""
        return float(self.errors[-1])

    def kept(self) -> Float[np.ndarray, " n"]:
        """Return the expected number of errors among the k most certain, for k = 1 … n."""
        return np.interp(np.arange(1, self.n + 1), self.counts, self.errors)


def rank(uncertainty: Uncertainty, errors: Errors | Float[np.ndarray, " n"]) -> Ranking:
    """Sort by rising uncertainty and count samples and errors up to each group of ties.

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    require_real("uncertainty", uncertainty)
    if not (isinstance(errors, np.ndarray) and errors.dtype.kind == "b"):
        require_real("errors", errors, whole=True)
    require_one_length(uncertainty=uncertainty, errors=errors)
    order = np.argsort(uncertainty)
    ordered = uncertainty[order]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    cumulative = np.cumsum(errors[order], dtype=np.float64)
    return Ranking(np.append(0, last + 1), np.append(0.0, cumulative[last]))


def rejection_curve(ranking: Ranking, rates: Float[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    """Return the accuracy after rejecting each part r of the samples, the most uncertain first.

    Kept are n − round(r·n) samples, at least one.

    Raises:
        ArrayError: a rate is outside 0–1.
    """
    require_real("rates", rates)
    require_part("the lowest rate", rates.min())
    require_part("the highest rate", rates.max())
    kept = np.maximum(1, ranking.n - np.rint(rates * ranking.n).astype(int))
    return 1 - ranking.kept()[kept - 1] / kept


def accuracy_at_rejection(ranking: Ranking, rate: float) -> float:
    """Return one point of the rejection curve.

    Raises:
        ArrayError: the rate is outside 0–1.
    """
    require_part("rate", rate)
    return float(rejection_curve(ranking, np.array([rate], dtype=float))[0])


def risk_at_coverage(ranking: Ranking, coverage: float) -> float:
    """Return the error rate of the round(c·n) most certain samples.

    Raises:
        ArrayError: the coverage is outside 0–1.
    """
    require_part("coverage", coverage)
    k = max(1, round(coverage * ranking.n))
    return float(ranking.kept()[k - 1] / k)


def aurc(ranking: Ranking) -> float:
    """Return the area under the risk-coverage curve (Geifman & El-Yaniv, 2017).

    It is (1/n) Σ_k r_k, where r_k is the error rate of the k most certain samples.
    """
    return float((ranking.kept() / np.arange(1, ranking.n + 1)).mean())


def e_aurc(ranking: Ranking) -> float:
    """Return aurc minus its optimum for the same n and number of errors; 0 is a perfect ranking."""
    k = np.arange(1, ranking.n + 1)
    optimum = np.maximum(0, k - (ranking.n - ranking.positives)) / k
    return aurc(ranking) - float(optimum.mean())


def augrc(ranking: Ranking) -> float:
    """Return the area under the generalised risk-coverage curve (Traub et al., 2024).

    It is the trapezoid of (Σ_{i≤k} e_i)/n over coverage k/n, from (0, 0).
    """
    return float(np.trapezoid(ranking.errors, ranking.counts)) / ranking.n**2


def auroc(ranking: Ranking) -> float:
    """Return the area under the ROC curve of detecting errors (positive = error, score = u).

    NaN where every sample, or none, is an error.
    """
    correct = ranking.counts - ranking.errors
    if not 0 < ranking.positives < ranking.n:
        return float("nan")
    misordered = np.trapezoid(ranking.errors, correct)  # pairs, ties half
    return float(1 - misordered / (ranking.positives * correct[-1]))


def average_precision(ranking: Ranking) -> float:
    """Return the average precision of detecting errors; NaN where all samples, or none, are errors.

    It is Σ (R_g − R_{g−1}) · P_g, recall R and precision P, over groups g of ties from the most
    uncertain on.
    """
    if not 0 < ranking.positives < ranking.n:
        return float("nan")
    found = ranking.positives - ranking.errors[:-1]  # errors from each group on
    flagged = ranking.n - ranking.counts[:-1]
    return float((np.diff(ranking.errors) * found / flagged).sum() / ranking.positives)


def fpr95_error(ranking: Ranking) -> float:
    """Return the part of right samples flagged at the threshold that flags ≥ 95 % of the errors.

    Positive = misclassified; NaN where every sample, or none, is.
    """
    correct = ranking.counts - ranking.errors
    if not 0 < ranking.positives < ranking.n:
        return float("nan")
    recall = (ranking.positives - ranking.errors) / ranking.positives  # from each group on
    return float(1 - correct[recall >= 0.95].max() / correct[-1])


def fpr95_correct(ranking: Ranking) -> float:
    """Return the part of errors accepted at the threshold that accepts ≥ 95 % of right samples.

    Positive = correct, score = −u; NaN where every sample, or none, is misclassified.
    """
    correct = ranking.counts - ranking.errors
    if not 0 < ranking.positives < ranking.n:
        return float("nan")
    return float(ranking.errors[correct / correct[-1] >= 0.95].min() / ranking.positives)


def top_weights(uncertainty: Uncertainty, k: int) -> Float[np.ndarray, " n"]:
    """Return each sample's weight among the k most uncertain, which add up to k.

    1 is inside, 0 outside; samples tied at the boundary share what is left.

    Raises:
        ArrayError: the uncertainty holds NaN or infinities, or k is not 1 … n.
    """
    require_real("uncertainty", uncertainty)
    require_count("k", k, len(uncertainty))
    boundary = np.partition(uncertainty, len(uncertainty) - k)[len(uncertainty) - k]
    inside, tied = uncertainty > boundary, uncertainty == boundary
    return inside + tied * ((k - inside.sum()) / tied.sum())


def weighted_sum(weights: Float[np.ndarray, " n"], values: Shaped[np.ndarray, " n"]) -> float:
    """Return Σ w·x, to the last digit the same with any number of threads.

    `@` is not: its library adds up as many parts as there are threads.
    """
    return float((weights * values).sum())


def top_counts(of: Scored, k: int) -> dict[str, Any]:
    """Return counts among the k most uncertain and the k most certain samples.

    Samples tied at the boundary count in expectation, so that a count need not be whole; how many
    are tied is counted as well.
    """
    uncertain, certain = top_weights(of.uncertainty, k), top_weights(-of.uncertainty, k)
    return {
        "k": k,
        "uncertain_misclassified": weighted_sum(uncertain, of.errors),
        "uncertain_tied": int(((uncertain > 0) & (uncertain < 1)).sum()),
        "certain_right": weighted_sum(certain, ~of.errors),
        "certain_tied": int(((certain > 0) & (certain < 1)).sum()),
        "certain_classes": np.bincount(of.labels, weights=certain, minlength=of.num_classes).tolist(),
    }


def precision_at_positives(of: Scored) -> float:
    """Return the part of positives among as many most uncertain samples; NaN if all or none are."""
    positives = int(of.errors.sum())
    if not 0 < positives < len(of.errors):
        return float("nan")
    return weighted_sum(top_weights(of.uncertainty, positives), of.errors) / positives
