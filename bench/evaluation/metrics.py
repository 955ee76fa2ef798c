"""The metrics of a run, one object each: its function, direction, scale and words.

A new metric is one more object in a tuple below, and VERSION raised by one, so that it is computed
for stored runs, too; nothing else: evaluation, lists, tables and comparisons iterate over the
tuples. Its function may stand here as well.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from jaxtyping import Float

from bench.evaluation import calibration, class_balance, ranking
from bench.evaluation.calibration import Classified
from bench.evaluation.class_balance import ClassCounts
from bench.evaluation.class_distances import Placed, mean_distances
from bench.evaluation.human_disagreement import Judged, spearman
from bench.evaluation.ranking import Ranking, Scored

# Raised when a metric's value changes or a metric is added, so that stored ones are computed anew.
VERSION = 2
# The last version at which a value changed; later ones only added metrics. Older runs without
# predictions keep the values of their version, and those added that need none are filled in.
VALUES_SINCE = 1

Better = Literal["higher", "lower"]
Scale = Literal["plain", "percent", "thousandths"]  # in tables: as it is, × 100, × 1000
Evidence = TypeVar("Evidence")


@dataclass(frozen=True)
class Metric(Generic[Evidence]):
    """One metric of a run."""

    name: str  # its key in a run's metrics
    function: Callable[[Evidence], Any]  # a number, NaN where undefined, or a dictionary of several
    words: str  # its line in `bench list metrics`
    better: Better | None = None  # None: no side is
    scale: Scale = "plain"
    heading: str = ""  # of its column in tables
    parts: tuple[str, ...] = ()  # keys of a dictionary's numbers that have its direction
    by_sample: Callable[[Evidence], Float[np.ndarray, " n"]] | None = None  # what it is the mean of

    @property
    def sign(self) -> int:
        """1 where higher is better, else −1."""
        return 1 if self.better == "higher" else -1


def _ranked(function: Callable[[Ranking], float]) -> Callable[[Scored], float]:
    return lambda of: function(of.ranking)


def _sure(function: Callable[..., float]) -> Callable[[Classified], float]:
    return lambda of: function(of.confidence, of.errors)


def _likely(function: Callable[..., Any]) -> Callable[[Classified], Any]:
    return lambda of: function(of.log_probabilities, of.labels)


# fmt: off
# Of predicted classes and probabilities, under their names in a run's metrics.
OF_PREDICTIONS: tuple[Metric[Classified], ...] = (
    Metric("misclassified", lambda of: int(of.errors.sum()),
           "number of images whose argmax is not the label", "lower", heading="errors"),
    Metric("accuracy", lambda of: calibration.accuracy(of.logits, of.labels),
           "part of the images whose argmax is the label", "higher", "percent", "accuracy",
           by_sample=lambda of: (~of.errors).astype(float)),
    Metric("nll", _likely(calibration.nll),
           "mean negative log-likelihood, nats", "lower", heading="NLL",
           by_sample=_likely(calibration.nll_by_sample)),
    Metric("brier", _likely(calibration.brier),
           "squared distance to the one-hot label, summed", "lower", heading="Brier"),
    Metric("ece", _sure(calibration.ece),
           "expected calibration error, 15 bins [a, b)", "lower", "percent", "ECE"),
    Metric("adaptive_ece", _sure(calibration.adaptive_ece),
           "calibration error over 15 bins of equal mass", "lower", "percent", "adaptive ECE"),
)

# Of how often each class is true, predicted and both, as the confusion matrix has it, too.
OF_CLASS_COUNTS: tuple[Metric[ClassCounts], ...] = (
    Metric("balanced_accuracy", class_balance.balanced_accuracy,
           "mean of the classes' accuracies", "higher", "percent", "balanced accuracy"),
    Metric("macro_f1", class_balance.macro_f1,
           "mean of the classes' F1", "higher", "percent", "macro F1"),
)


def _detecting(positives: str, positive: str) -> tuple[Metric[Scored], Metric[Scored]]:
    return (
        Metric("auroc", _ranked(ranking.auroc),
               f"of detecting {positives} (positive = {positive})", "higher", "percent", "AUROC"),
        Metric("average_precision", _ranked(ranking.average_precision),
               f"of detecting {positives}", "higher", "percent", "AP"),
    )


# Of each score's ranking of the evaluated images, under `scores.SCORE`.
OF_SCORES: tuple[Metric[Scored], ...] = (
    Metric("aurc", _ranked(ranking.aurc),
           "area under the risk-coverage curve", "lower", "thousandths", "AURC"),
    Metric("e_aurc", _ranked(ranking.e_aurc),
           "aurc minus the exact optimum", "lower", "thousandths", "e-AURC"),
    Metric("augrc", _ranked(ranking.augrc),
           "area under the generalised risk-coverage curve", "lower", "thousandths", "AUGRC"),
    *_detecting("errors", "misclassified"),
    Metric("fpr95_error", _ranked(ranking.fpr95_error),
           "right images flagged when 95 % of errors are", "lower", "percent", "FPR95 error"),
    Metric("fpr95_correct", _ranked(ranking.fpr95_correct),
           "errors accepted when 95 % of right images are", "lower", "percent", "FPR95 correct"),
    Metric("accuracy_at_10_rejection", lambda of: ranking.accuracy_at_rejection(of.ranking, 0.1),
           "accuracy without the most uncertain 10 %", "higher", "percent", "acc. at 10 % rejection"),
    Metric("risk_at_80_coverage", lambda of: ranking.risk_at_coverage(of.ranking, 0.8),
           "error rate of the most certain 80 %", "lower", "percent", "risk at 80 % coverage"),
    Metric("top_k", lambda of: ranking.top_counts(of, k=max(1, min(100, len(of.labels) // 10))),
           "errors in the k most uncertain, right in most certain", "higher",
           parts=("uncertain_misclassified", "certain_right")),
)

# Of each score's ranking of the training labels, under `noise_detection.SCORE`.
OF_FLIPS: tuple[Metric[Scored], ...] = (
    *_detecting("flips", "flipped label"),
    Metric("precision_at_flips", ranking.precision_at_positives,
           "flips in as many most uncertain training labels", "higher", "percent", "precision at flips"),
)

CONFUSION: Metric[Classified] = Metric(
    "confusion", lambda of: calibration.confusion(of.logits, of.labels).tolist(),
    "counts by true class (rows) and predicted class")
CLASS_ACCURACY: Metric[ClassCounts] = Metric(
    "class_accuracy", class_balance.class_accuracy,
    "accuracy on the images of each class", "higher", "percent", "accuracy")
# Of each score, under `class_auroc.SCORE`.
CLASS_AUROC: Metric[Scored] = Metric(
    "class_auroc", class_balance.class_auroc,
    "of detecting errors among the images of each class", "higher", "percent", "AUROC")
# Of each score, under `class_distances.SCORE` and `human_uncertainty.SCORE`.
CLASS_DISTANCES: Metric[Placed] = Metric(
    "class_distances", mean_distances, "of features to the centres of the own and the nearest other class")
HUMAN_UNCERTAINTY: Metric[Judged] = Metric(
    "human_uncertainty", spearman, "Spearman correlation with human label entropy", "higher",
    heading="rank correlation")
# fmt: on

ALL_METRICS: tuple[Metric[Any], ...] = (
    *OF_PREDICTIONS,
    *OF_CLASS_COUNTS,
    *OF_SCORES,
    *OF_FLIPS,
    CONFUSION,
    CLASS_ACCURACY,
    CLASS_AUROC,
    CLASS_DISTANCES,
    HUMAN_UNCERTAINTY,
)
WORDS = {
    **{metric.name: metric.words for metric in ALL_METRICS if metric not in OF_FLIPS},
    "noise_detection": "of flipped labels by training scores",
    **{f"noise_detection.{metric.name}": metric.words for metric in OF_FLIPS},
    "curves.csv": "accuracy after rejecting 0, 1, … 99 %",
}
_PATTERNS: dict[str, Metric[Any]] = {
    **{metric.name: metric for metric in OF_PREDICTIONS},
    **{metric.name: metric for metric in OF_CLASS_COUNTS},
    **{f"scores.*.{metric.name}": metric for metric in OF_SCORES if not metric.parts},
    **{f"scores.*.{metric.name}.{part}": metric for metric in OF_SCORES for part in metric.parts},
    **{f"noise_detection.*.{metric.name}": metric for metric in OF_FLIPS},
    f"{HUMAN_UNCERTAINTY.name}.*": HUMAN_UNCERTAINTY,
}  # of metrics of which one side is better; the star stands for a score


def defined(value: Any) -> Any:
    """Return a value, or those of a dictionary or list, with None for NaN."""
    if isinstance(value, dict):
        return {key: defined(each) for key, each in value.items()}
    if isinstance(value, list):
        return [defined(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def of_class_counts(counts: ClassCounts) -> dict[str, Any]:
    """Return all metrics that follow from how often each class is true, predicted and both."""
    family: tuple[Metric[ClassCounts], ...] = (*OF_CLASS_COUNTS, CLASS_ACCURACY)
    return {metric.name: defined(metric.function(counts)) for metric in family}


def has_better_side(name: str) -> bool:
    """Return whether a dotted name such as `scores.own.auroc` is a metric to compare by."""
    return _pattern(name) in _PATTERNS


def find(name: str) -> Metric[Any]:
    """Return the metric of a dotted name.

    Raises:
        KeyError: there is none of which one side is better.
    """
    return _PATTERNS[_pattern(name)]


def _pattern(name: str) -> str:
    first, *rest = name.split(".")
    return ".".join([first, *(["*", *rest[1:]] if rest else [])])
