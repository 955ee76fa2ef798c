"""From stored predictions to a run's metrics: every metric for every score.

A metric that is undefined is None, with the reason under `undefined`; it is never 0 or 1.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float

from bench.evaluation import metrics
from bench.evaluation.calibration import Classified, Labels, log_softmax
from bench.evaluation.class_balance import ClassCounts
from bench.evaluation.class_distances import Placed, distances_to_centres
from bench.evaluation.human_disagreement import Entropy, Judged
from bench.evaluation.metrics import defined
from bench.evaluation.predictions import LabelledPredictions, Predictions
from bench.evaluation.ranking import Errors, Scored, Uncertainty, rejection_curve
from bench.evaluation.score_names import LABEL_AWARE, SCORE_NAMES
from bench.evaluation.scores import LOGIT_SCORES, UNDEFINED_IF_NORMALISED
from bench.evaluation.valid_arrays import require_labels, require_one_length, require_real

LARGEST_CONFUSION = 100  # classes; the matrix of more is not kept, nor their AUROC one by one
REJECTION_RATES = np.arange(100) / 100
NO_TRAINING = "the predictions of the training images are not known"
Evidence = TypeVar("Evidence")
Flipped = Bool[np.ndarray, " m"]


class Evaluation(NamedTuple):
    """Metrics and curves of a run."""

    metrics: dict[str, Any]  # nested by score
    curves: pd.DataFrame  # accuracy after rejecting 0, 1, … 99 %: `rejected`, then the scores


def evaluate(test: LabelledPredictions, train: LabelledPredictions | None) -> Evaluation:
    """Compute a run's metrics and curves; each score is sorted once.

    Args:
        test: of the evaluated set, with the columns `label` and, where people gave labels,
            `human_entropy` in nats.
        train: of the training set, with the columns `given` (noisy) and `true`; None: not known.

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    outputs, labels, human_entropy = test.predictions, test.labels, test.columns.get("human_entropy")
    classified, classes = Classified(outputs.logits, labels), outputs.logits.shape[1]
    scores = all_scores(outputs)
    scored = {name: Scored(u, classified.errors, labels, classes) for name, u in scores.items()}
    result: dict[str, Any] = {
        "samples": len(labels),
        **_values(metrics.OF_PREDICTIONS, classified),
        "scores": _completed({name: of_score(each) for name, each in scored.items()}),
        "noise_detection": _completed(_of_training(train)),
    }
    result |= metrics.of_class_counts(ClassCounts.of(outputs.logits, labels))
    if classes <= LARGEST_CONFUSION:
        result["confusion"] = metrics.CONFUSION.function(classified)
        within = {name: defined(metrics.CLASS_AUROC.function(each)) for name, each in scored.items()}
        result["class_auroc"] = _completed(within)
    if outputs.features is not None:
        result["class_distances"] = _completed(class_distances(outputs.features, labels, scores))
    if human_entropy is not None:
        result["human_uncertainty"] = _completed(human_uncertainty(scores, human_entropy))
    result["undefined"] = _undefined(classified.errors, _flipped(train), human_entropy, outputs.normalised)
    if "class_auroc" in result and (reason := _one_sided_classes(classified)):
        result["undefined"]["class_auroc"] = reason
    return Evaluation(result, _curves(scored))


def _flipped(train: LabelledPredictions | None) -> Flipped | None:
    return None if train is None else train.columns["given"] != train.columns["true"]


def _of_training(train: LabelledPredictions | None) -> dict[str, Any]:
    """Return how well scores find flipped labels; None for each number without a training set."""
    if train is None:
        nothing = dict.fromkeys((metric.name for metric in metrics.OF_FLIPS), None)
        return {name: dict(nothing) for name in (*SCORE_NAMES, LABEL_AWARE)}
    return noise_detection(train.predictions, train.columns["given"], train.columns["true"])


def all_scores(predictions: Predictions) -> dict[str, Uncertainty]:
    """Return the method's own uncertainty and those that its logits offer, each (n,).

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    require_real("uncertainty", predictions.uncertainty)
    require_real("logits", predictions.logits, ndim=2)
    require_one_length(uncertainty=predictions.uncertainty, logits=predictions.logits)
    logits = torch.from_numpy(predictions.logits).double()
    left_out = UNDEFINED_IF_NORMALISED if predictions.normalised else {}
    others = {name: score(logits).numpy() for name, score in LOGIT_SCORES.items() if name not in left_out}
    return {"own": predictions.uncertainty, **others}


def of_score(scored: Scored) -> dict[str, Any]:
    """Return every metric of one score."""
    return defined(_values(metrics.OF_SCORES, scored))


def noise_detection(train: Predictions, given: Labels, true: Labels) -> dict[str, Any]:
    """Return how well each training score finds flipped labels; `label_aware` is 1 − p[given].

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    require_real("logits", train.logits, ndim=2)
    for name, labels in (("given labels", given), ("true labels", true)):
        require_labels(name, labels, train.logits.shape[1])
        require_one_length(**{"logits": train.logits, name: labels})
    others = np.exp(log_softmax(train.logits))
    others[np.arange(len(given)), given] = 0
    scores = all_scores(train) | {LABEL_AWARE: others.sum(axis=1)}
    flipped, classes = given != true, train.logits.shape[1]
    return {
        name: defined(_values(metrics.OF_FLIPS, Scored(u, flipped, given, classes))) for name, u in scores.items()
    }


def class_distances(
    features: Float[np.ndarray, "n features"], labels: Labels, scores: Mapping[str, Uncertainty]
) -> dict[str, Any]:
    """Return where each score's most certain and most uncertain tenth lie among class centres."""
    distances = distances_to_centres(features, labels)
    compute = metrics.CLASS_DISTANCES.function
    return {name: defined(compute(Placed(u, *distances))) for name, u in scores.items()}


def human_uncertainty(scores: Mapping[str, Uncertainty], entropy: Entropy) -> dict[str, Any]:
    """Return the correlation of each score with the entropy of human label counts."""
    compute = metrics.HUMAN_UNCERTAINTY.function
    return {name: defined(compute(Judged(u, entropy))) for name, u in scores.items()}


def _values(family: Iterable[metrics.Metric[Evidence]], evidence: Evidence) -> dict[str, Any]:
    return {metric.name: metric.function(evidence) for metric in family}


def _completed(by_score: dict[str, Any]) -> dict[str, Any]:
    """Return metrics by score in the usual order, None for each of a score that is not defined."""
    names = dict.fromkeys([*SCORE_NAMES, *by_score])
    return {name: by_score[name] if name in by_score else _nothing(by_score["own"]) for name in names}


def _nothing(like: Any) -> Any:
    return {key: _nothing(value) for key, value in like.items()} if isinstance(like, dict) else None


def _undefined(errors: Errors, flipped: Flipped | None, human: Entropy | None, normalised: bool) -> dict[str, str]:
    """Return the reason for each thing that is undefined."""
    reasons = {
        "error_detection": _one_sided(errors, "image", "misclassified"),
        "noise_detection": NO_TRAINING if flipped is None else _one_sided(flipped, "training label", "flipped"),
    }
    if human is not None and not np.ptp(human):
        reasons["human_uncertainty"] = "humans are equally sure of every image"
    reasons |= UNDEFINED_IF_NORMALISED if normalised else {}
    return {name: reason for name, reason in reasons.items() if reason}


def _one_sided(positive: Errors, thing: str, quality: str) -> str | None:
    """Return why detecting the positives is undefined, None where it is defined."""
    if positive.any() and not positive.all():
        return None
    return f"{'every' if positive.any() else 'no'} {thing} is {quality}"


def _one_sided_classes(classified: Classified) -> str | None:
    """Return which classes have no AUROC and why, None where all have one."""
    counts = ClassCounts.of(classified.logits, classified.labels)
    kinds = {
        "no image": counts.true == 0,
        "no misclassified image": (counts.right == counts.true) & (counts.true > 0),
        "misclassified images only": (counts.right == 0) & (counts.true > 0),
    }
    said = [f"{kind} of class {', '.join(map(str, np.flatnonzero(of)))}" for kind, of in kinds.items() if of.any()]
    return "; ".join(said) or None


def _curves(scored: Mapping[str, Scored]) -> pd.DataFrame:
    curves = {name: rejection_curve(each.ranking, REJECTION_RATES) for name, each in scored.items()}
    columns = pd.DataFrame({"rejected": REJECTION_RATES, **curves}, columns=["rejected", *SCORE_NAMES])
    return columns.astype(float)
