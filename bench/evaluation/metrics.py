"""Metrics as pure functions of arrays, in fractions of 1; larger uncertainty = less sure.

One sort serves all metrics of a score. Tied samples enter in expectation over their order, everywhere.
Symbols: n samples, e errors (1 = misclassified), R error rate, K classes.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

Uncertainty = Float[np.ndarray, " n"]
Errors = Bool[np.ndarray, " n"]
Logits = Float[np.ndarray, "n classes"]
LogProbabilities = Float[np.ndarray, "n classes"]
Labels = Int[np.ndarray, " n"]

# Raised when a metric or a curve of the same predictions comes out otherwise, or there is a new one: stored
# metrics of a lower number are recomputed. A golden test notices when it should be raised.
VERSION = 1

BINS = 15

# One line each, for `bench list metrics`; the keys are those of a record's metrics.
DESCRIPTIONS = {
    "accuracy": "part of the images whose argmax is the label",
    "nll": "mean negative log-likelihood, nats",
    "brier": "squared distance to the one-hot label, summed",
    "ece": "expected calibration error, 15 bins [a, b)",
    "adaptive_ece": "calibration error over 15 bins of equal mass",
    "aurc": "area under the risk-coverage curve",
    "e_aurc": "aurc minus the exact optimum",
    "augrc": "area under the generalised risk-coverage curve",
    "auroc": "of detecting errors (positive = misclassified)",
    "average_precision": "of detecting errors",
    "fpr95_error": "right images flagged when 95 % of errors are",
    "fpr95_correct": "errors accepted when 95 % of right images are",
    "accuracy_at_10_rejection": "accuracy without the most uncertain 10 %",
    "risk_at_80_coverage": "error rate of the most certain 80 %",
    "curves.csv": "accuracy after rejecting 0, 1, … 99 %",
    "top_k": "errors in the k most uncertain, right in most certain",
    "confusion": "counts by true class (rows) and predicted class",
    "class_distances": "of features to the centres of the own and the nearest other class",
    "noise_detection": "of flipped labels by training scores",
    "human_uncertainty": "Spearman correlation with human label entropy",
}


# ---- of the predicted class and its probability ------------------------------------------------------------


def log_softmax(logits: Logits) -> LogProbabilities:
    """Return log-probabilities in float64."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def accuracy(logits: Logits, labels: Labels) -> float:
    """Return the part of samples whose argmax is the label."""
    return float((logits.argmax(axis=1) == labels).mean())


def nll(log_probabilities: LogProbabilities, labels: Labels) -> float:
    """Return the mean negative log-likelihood, in nats."""
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def brier(log_probabilities: LogProbabilities, labels: Labels) -> float:
    """Return the mean squared distance of the probabilities to the one-hot label, summed over classes (0–2)."""
    distance = np.exp(log_probabilities)
    distance[np.arange(len(labels)), labels] -= 1
    return float((distance**2).sum(axis=1).mean())


def confusion(logits: Logits, labels: Labels) -> Int[np.ndarray, "classes classes"]:
    """Return the counts of samples by true class (rows) and predicted class (columns)."""
    classes = logits.shape[1]
    cells = labels * classes + logits.argmax(axis=1)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def ece(confidence: Float[np.ndarray, " n"], errors: Errors, bins: int = BINS) -> float:
    """Return the expected calibration error (Guo et al., 2017) over equal-width bins [a, b), the last closed."""
    place = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1])
    gap = np.bincount(place, weights=confidence - ~errors, minlength=bins)
    return float(np.abs(gap).sum() / len(errors))


def adaptive_ece(confidence: Float[np.ndarray, " n"], errors: Errors, bins: int = BINS) -> float:
    """Return the calibration error over bins of equal mass (Nguyen & O'Connor, 2015)."""
    n = len(errors)
    sizes = np.full(bins, n // bins) + (np.arange(bins) < n % bins)
    ranking = rank(confidence, confidence - ~errors)
    ends = np.append(0, np.cumsum(sizes))
    return float(np.abs(np.diff(np.interp(ends, ranking.counts, ranking.errors))).sum() / n)


# ---- of a ranking by uncertainty ---------------------------------------------------------------------------


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
    """Sort once, lowest first, and add up samples and errors up to the end of each group of ties."""
    order = np.argsort(uncertainty)
    ordered = uncertainty[order]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    cumulative = np.cumsum(errors[order], dtype=np.float64)
    return Ranking(np.append(0, last + 1), np.append(0.0, cumulative[last]))


def rejection_curve(ranking: Ranking, rates: Float[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    """Return the accuracy of the n − round(r·n) samples, at least one, kept after rejecting the rest."""
    kept = np.maximum(1, ranking.n - np.rint(rates * ranking.n).astype(int))
    return 1 - ranking.kept()[kept - 1] / kept


def accuracy_at_rejection(ranking: Ranking, rate: float) -> float:
    """Return one point of the rejection curve."""
    return float(rejection_curve(ranking, np.array([rate]))[0])


def risk_at_coverage(ranking: Ranking, coverage: float) -> float:
    """Return the error rate of the round(c·n) most certain samples."""
    k = max(1, round(coverage * ranking.n))
    return float(ranking.kept()[k - 1] / k)


def aurc(ranking: Ranking) -> float:
    """Return (1/n) Σ_k r_k, r_k the error rate of the k most certain (Geifman & El-Yaniv, 2017)."""
    return float((ranking.kept() / np.arange(1, ranking.n + 1)).mean())


def e_aurc(ranking: Ranking) -> float:
    """Return aurc minus the exact optimum for the same n and number of errors; 0 for a perfect ranking."""
    k = np.arange(1, ranking.n + 1)
    optimum = np.maximum(0, k - (ranking.n - ranking.positives)) / k
    return aurc(ranking) - float(optimum.mean())


def augrc(ranking: Ranking) -> float:
    """Return the trapezoid of (Σ_{i≤k} e_i)/n over coverage k/n from (0, 0) (Traub et al., 2024)."""
    return float(np.trapezoid(ranking.errors, ranking.counts)) / ranking.n**2


def auroc(ranking: Ranking) -> float:
    """Return the area under the ROC (positive = misclassified, score = u); NaN without errors or right ones."""
    correct = ranking.counts - ranking.errors
    if not 0 < ranking.positives < ranking.n:
        return float("nan")
    misordered = np.trapezoid(ranking.errors, correct)  # pairs with the error more certain, ties half
    return float(1 - misordered / (ranking.positives * correct[-1]))


def average_precision(ranking: Ranking) -> float:
    """Return Σ (R_g − R_{g−1}) · P_g, recall R, precision P, over groups of ties, most uncertain first."""
    if not 0 < ranking.positives < ranking.n:
        return float("nan")
    found = ranking.positives - ranking.errors[:-1]  # errors from each group on
    flagged = ranking.n - ranking.counts[:-1]
    return float((np.diff(ranking.errors) * found / flagged).sum() / ranking.positives)


def fpr95_error(ranking: Ranking) -> float:
    """Return the part of correct samples flagged when ≥ 95 % of the errors are (positive = misclassified)."""
    correct = ranking.counts - ranking.errors
    if not 0 < ranking.positives < ranking.n:
        return float("nan")
    recall = (ranking.positives - ranking.errors) / ranking.positives  # flagging all that follows a group
    return float(1 - correct[recall >= 0.95].max() / correct[-1])


def fpr95_correct(ranking: Ranking) -> float:
    """Return the part of errors accepted when ≥ 95 % of the correct are (positive = correct, score = −u)."""
    correct = ranking.counts - ranking.errors
    if not 0 < ranking.positives < ranking.n:
        return float("nan")
    return float(ranking.errors[correct / correct[-1] >= 0.95].min() / ranking.positives)


def top_k(uncertainty: Uncertainty, k: int) -> Float[np.ndarray, " n"]:
    """Return each sample's weight among the k most uncertain: 1 in, 0 out, a share if tied at the boundary."""
    boundary = np.partition(uncertainty, len(uncertainty) - k)[len(uncertainty) - k]
    inside, tied = uncertainty > boundary, uncertainty == boundary
    return inside + tied * ((k - inside.sum()) / tied.sum())
