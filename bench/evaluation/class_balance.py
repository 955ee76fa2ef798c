"""Metrics of unequal classes: functions of how often each class is true, predicted, and both.

All values are fractions of 1; NaN where a class has no image. Symbols: n samples, K classes.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bench.evaluation.calibration import Labels, Logits
from bench.evaluation.ranking import Scored, auroc, rank

Counts = Int[np.ndarray, " classes"]
ByClass = list[float]


class ClassCounts(NamedTuple):
    """How many samples are of each class, are taken for it, and both."""

    true: Counts
    predicted: Counts
    right: Counts

    @classmethod
    def of(cls, logits: Logits, labels: Labels) -> "ClassCounts":
        """Return the counts of predictions; no K×K matrix is made."""
        predicted, classes = logits.argmax(axis=1), logits.shape[1]
        chosen = (labels, predicted, labels[labels == predicted])
        return cls(*(np.bincount(each, minlength=classes) for each in chosen))

    @classmethod
    def of_confusion(cls, confusion: Int[np.ndarray, "classes classes"]) -> "ClassCounts":
        """Return the counts of a confusion matrix, rows the true classes."""
        return cls(confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal())


def class_accuracy(of: ClassCounts) -> ByClass:
    """Return the part of each class's samples that is taken for it: its recall."""
    return _ratios(of.right, of.true).tolist()


def balanced_accuracy(of: ClassCounts) -> float:
    """Return the mean of the classes' accuracies, over the classes that have samples."""
    return float(np.nanmean(_ratios(of.right, of.true)))


def macro_f1(of: ClassCounts) -> float:
    """Return the mean of the classes' F1 = 2·right / (true + predicted).

    It is over the classes that are true or predicted for a sample; one that is never right has 0.
    """
    return float(np.nanmean(_ratios(2 * of.right, of.true + of.predicted)))


def class_auroc(of: Scored) -> ByClass:
    """Return the AUROC of detecting errors among the samples of each true class.

    NaN for a class that has no error, or nothing but errors.
    """
    found = [np.flatnonzero(of.labels == own) for own in range(of.num_classes)]
    return [auroc(rank(of.uncertainty[own], of.errors[own])) if len(own) else float("nan") for own in found]


def _ratios(part: Counts, whole: Counts) -> Float[np.ndarray, " classes"]:
    """Return part / whole, NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
