"""Accuracy, likelihood and calibration: functions of the predicted classes and probabilities.

All values are fractions of 1 unless stated. Symbols: n samples, K classes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from bench.evaluation.ranking import Errors, rank
from bench.evaluation.valid_arrays import (
    require_count,
    require_flags,
    require_labels,
    require_one_length,
    require_part,
    require_real,
)

Labels = Int[np.ndarray, " n"]
Logits = Float[np.ndarray, "n classes"]
LogProbabilities = Float[np.ndarray, "n classes"]
Confidence = Float[np.ndarray, " n"]

BINS = 15


@dataclass(frozen=True)
class Classified:
    """Logits beside labels, and what follows from both, each computed once.

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """

    logits: Logits
    labels: Labels

    def __post_init__(self) -> None:
        _require_classified(self.logits, self.labels)

    @cached_property
    def log_probabilities(self) -> LogProbabilities:
        """Logarithm of the softmax, float64."""
        return log_softmax(self.logits)

    @cached_property
    def errors(self) -> Errors:
        """Whether each sample is misclassified."""
        return self.logits.argmax(axis=1) != self.labels

    @cached_property
    def confidence(self) -> Confidence:
        """Probability of the predicted class."""
        return np.exp(self.log_probabilities.max(axis=1))


def _require_classified(logits: Logits, labels: Labels, name: str = "logits") -> None:
    require_real(name, logits, ndim=2)
    require_labels("labels", labels, logits.shape[1])
    require_one_length(**{name: logits, "labels": labels})


def _require_confident(confidence: Confidence, errors: Errors, bins: int) -> None:
    require_real("confidence", confidence)
    require_flags("errors", errors)
    require_one_length(confidence=confidence, errors=errors)
    require_part("the lowest confidence", confidence.min())
    require_part("the highest confidence", confidence.max())
    require_count("bins", bins)


def log_softmax(logits: Logits) -> LogProbabilities:
    """Return log-probabilities in float64.

    Raises:
        ArrayError: the logits are no finite floating-point numbers (n, K).
    """
    require_real("logits", logits, ndim=2)
    shifted = logits.astype(np.float64, order="C")  # in one order of adding, whatever the layout
    shifted -= shifted.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def accuracy(logits: Logits, labels: Labels) -> float:
    """Return the part of the samples whose argmax is the label.

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    _require_classified(logits, labels)
    return float((logits.argmax(axis=1) == labels).mean())


def nll_by_sample(log_probabilities: LogProbabilities, labels: Labels) -> Float[np.ndarray, " n"]:
    """Return each sample's negative log-likelihood, in nats.

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    _require_classified(log_probabilities, labels, "log-probabilities")
    return -log_probabilities[np.arange(len(labels)), labels]


def nll(log_probabilities: LogProbabilities, labels: Labels) -> float:
    """Return the mean negative log-likelihood, in nats."""
    return float(nll_by_sample(log_probabilities, labels).mean())


def brier(log_probabilities: LogProbabilities, labels: Labels) -> float:
    """Return the mean squared distance of the probabilities to the one-hot label.

    The squares are summed over classes, so that the value lies in 0–2.

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    _require_classified(log_probabilities, labels, "log-probabilities")
    distance = np.exp(log_probabilities)
    distance[np.arange(len(labels)), labels] -= 1
    return float((distance**2).sum(axis=1).mean())


def confusion(logits: Logits, labels: Labels) -> Int[np.ndarray, "classes classes"]:
    """Return the counts of samples by true class (rows) and predicted class (columns).

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    _require_classified(logits, labels)
    classes = logits.shape[1]
    cells = labels.astype(np.int64) * classes + logits.argmax(axis=1)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def ece(confidence: Confidence, errors: Errors, bins: int = BINS) -> float:
    """Return the expected calibration error (Guo et al., 2017).

    Bins have equal width; they are half-open, [a, b), the last one is closed.

    Raises:
        ArrayError: an array is of the wrong type or length, or a confidence is outside 0–1.
    """
    _require_confident(confidence, errors, bins)
    place = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1])
    gap = np.bincount(place, weights=confidence - ~errors, minlength=bins)
    return float(np.abs(gap).sum() / len(errors))


def adaptive_ece(confidence: Confidence, errors: Errors, bins: int = BINS) -> float:
    """Return the calibration error over bins of equal mass (Nguyen & O'Connor, 2015).

    Raises:
        ArrayError: an array is of the wrong type or length, or a confidence is outside 0–1.
    """
    _require_confident(confidence, errors, bins)
    n = len(errors)
    sizes = np.full(bins, n // bins) + (np.arange(bins) < n % bins)
    ranking = rank(confidence, confidence - ~errors)
    ends = np.append(0, np.cumsum(sizes))
    return float(np.abs(np.diff(np.interp(ends, ranking.counts, ranking.errors))).sum() / n)
