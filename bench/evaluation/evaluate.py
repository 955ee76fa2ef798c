"""From stored predictions to a run's metrics: every metric for every score.

A metric that is undefined is None, with the reason under `undefined`; it is never 0 or 1.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from scipy.special import entr
from scipy.stats import spearmanr

from bench.evaluation import class_distances as geometry
from bench.evaluation import metrics
from bench.evaluation.metrics import Errors, Ranking, Uncertainty
from bench.evaluation.predictions import Predictions
from bench.evaluation.scores import LOGIT_SCORES, UNDEFINED_IF_NORMALISED

Labels = Int[np.ndarray, " n"]
BY_SCORE = {"scores", "noise_detection", "class_distances", "human_uncertainty"}  # the metrics by score
CONFUSION_CLASSES = 100  # a larger confusion matrix is not kept
REJECTION_RATES = np.arange(100) / 100
SCORES = ("own", *LOGIT_SCORES)


class Evaluation(NamedTuple):
    """What a run's predictions say."""

    metrics: dict[str, Any]  # nested by score
    curves: pd.DataFrame  # accuracy after rejecting 0, 1, … 99 %: columns `rejected` and the scores' names


def evaluate(
    test: Predictions,
    labels: Labels,
    train: Predictions,
    given: Int[np.ndarray, " m"],
    true: Int[np.ndarray, " m"],
    human_entropy: Float[np.ndarray, " n"] | None = None,
) -> Evaluation:
    """Return a run's metrics and curves, for which each score is sorted once.

    Args:
        test, labels: predictions on the evaluated set and its labels.
        train, given, true: predictions on the training set, its noisy and its true labels.
        human_entropy: of human label counts of the evaluated set, in nats, where there are any.
    """
    errors = test.logits.argmax(axis=1) != labels
    log_probabilities = metrics.log_softmax(test.logits)
    confidence = np.exp(log_probabilities.max(axis=1))
    scores = all_scores(test)
    rankings = {name: metrics.rank(u, errors) for name, u in scores.items()}
    result: dict[str, Any] = {
        "samples": len(labels),
        "misclassified": int(errors.sum()),
        "accuracy": metrics.accuracy(test.logits, labels),
        "nll": metrics.nll(log_probabilities, labels),
        "brier": metrics.brier(log_probabilities, labels),
        "ece": metrics.ece(confidence, errors),
        "adaptive_ece": metrics.adaptive_ece(confidence, errors),
        "scores": {
            name: of_score(u, rankings[name], errors, labels, test.logits.shape[1]) for name, u in scores.items()
        },
        "noise_detection": noise_detection(train, given, true),
    }
    if test.logits.shape[1] <= CONFUSION_CLASSES:
        result["confusion"] = metrics.confusion(test.logits, labels).tolist()
    if test.features is not None:
        result["class_distances"] = class_distances(test.features, labels, scores)
    if human_entropy is not None:
        result["human_uncertainty"] = human_uncertainty(scores, human_entropy)
    for key in BY_SCORE & result.keys():
        result[key] = completed(result[key])
    undefined = {
        "error_detection": _reason(errors, "image", "misclassified"),
        "noise_detection": _reason(given != true, "training label", "flipped"),
    }
    if human_entropy is not None and not np.ptp(human_entropy):
        undefined["human_uncertainty"] = "humans are equally sure of every image"
    undefined |= UNDEFINED_IF_NORMALISED if test.normalised else {}
    result["undefined"] = {name: reason for name, reason in undefined.items() if reason}
    curves = {name: metrics.rejection_curve(ranking, REJECTION_RATES) for name, ranking in rankings.items()}
    columns = pd.DataFrame({"rejected": REJECTION_RATES, **curves}, columns=["rejected", *SCORES])
    return Evaluation(result, columns.astype(float))


def all_scores(predictions: Predictions) -> dict[str, Uncertainty]:
    """Return the method's own uncertainty and those that its logits offer, each (n,)."""
    logits = torch.from_numpy(predictions.logits).double()
    left_out = UNDEFINED_IF_NORMALISED if predictions.normalised else {}
    others = {name: score(logits).numpy() for name, score in LOGIT_SCORES.items() if name not in left_out}
    return {"own": predictions.uncertainty, **others}


def completed(by_score: dict[str, Any]) -> dict[str, Any]:
    """Return metrics by score, in the usual order, with None for each metric of a score that is not defined."""
    names = dict.fromkeys([*SCORES, *by_score])
    return {name: by_score[name] if name in by_score else _nothing(by_score["own"]) for name in names}


def _nothing(like: Any) -> Any:
    return {key: _nothing(value) for key, value in like.items()} if isinstance(like, dict) else None


def of_score(
    uncertainty: Uncertainty, ranking: Ranking, errors: Errors, labels: Labels, num_classes: int
) -> dict[str, Any]:
    """Return every metric of one score."""
    return {
        "aurc": metrics.aurc(ranking),
        "e_aurc": metrics.e_aurc(ranking),
        "augrc": metrics.augrc(ranking),
        **_defined(
            auroc=metrics.auroc(ranking),
            average_precision=metrics.average_precision(ranking),
            fpr95_error=metrics.fpr95_error(ranking),
            fpr95_correct=metrics.fpr95_correct(ranking),
        ),
        "accuracy_at_10_rejection": metrics.accuracy_at_rejection(ranking, 0.1),
        "risk_at_80_coverage": metrics.risk_at_coverage(ranking, 0.8),
        "top_k": top_k(uncertainty, errors, labels, num_classes, k=max(1, min(100, len(labels) // 10))),
    }


def top_k(uncertainty: Uncertainty, errors: Errors, labels: Labels, num_classes: int, k: int) -> dict[str, Any]:
    """Return the counts among the k most uncertain and most certain, and how many are tied at the boundary.

    Ties at the boundary count in expectation, so a count need not be whole.
    """
    uncertain, certain = metrics.top_k(uncertainty, k), metrics.top_k(-uncertainty, k)
    return {
        "k": k,
        "uncertain_misclassified": float(uncertain @ errors),
        "uncertain_tied": int(((uncertain > 0) & (uncertain < 1)).sum()),
        "certain_right": float(certain @ ~errors),
        "certain_tied": int(((certain > 0) & (certain < 1)).sum()),
        "certain_classes": np.bincount(labels, weights=certain, minlength=num_classes).tolist(),
    }


def class_distances(
    features: Float[np.ndarray, "n features"], labels: Labels, scores: Mapping[str, Uncertainty]
) -> dict[str, dict[str, float | None]]:
    """Return where each score's most certain and most uncertain tenth lie among the class centres, on average."""
    own, nearest_other = geometry.class_distances(features, labels)
    tenth = max(1, len(labels) // 10)
    parts = {
        f"{part}_{name}": (sign, distance)
        for part, sign in (("certain", -1), ("uncertain", 1))
        for name, distance in (("own", own), ("nearest_other", nearest_other))
    }
    return {
        score: _defined(
            **{key: float(metrics.top_k(sign * u, tenth) @ d / tenth) for key, (sign, d) in parts.items()}
        )
        for score, u in scores.items()
    }


def noise_detection(train: Predictions, given: Labels, true: Labels) -> dict[str, Any]:
    """Return how well each training score finds the flipped labels; `label_aware` is 1 − p[given]."""
    flipped = given != true
    others = np.exp(metrics.log_softmax(train.logits))
    others[np.arange(len(given)), given] = 0
    scores = all_scores(train) | {"label_aware": others.sum(axis=1)}
    return {name: _detection(u, flipped) for name, u in scores.items()}


def _detection(uncertainty: Uncertainty, flipped: Errors) -> dict[str, Any]:
    ranking = metrics.rank(uncertainty, flipped)
    flips = int(flipped.sum())
    mixed = 0 < flips < len(flipped)
    precision = float(metrics.top_k(uncertainty, flips) @ flipped) / flips if mixed else math.nan
    return _defined(
        auroc=metrics.auroc(ranking),
        average_precision=metrics.average_precision(ranking),
        precision_at_flips=precision,
    )


def entropy_of_counts(counts: Float[np.ndarray, "n classes"]) -> Float[np.ndarray, " n"]:
    """Return the entropy, in nats, of each sample's label counts."""
    return entr(counts / counts.sum(axis=1, keepdims=True)).sum(axis=1)


def human_uncertainty(
    scores: Mapping[str, Uncertainty], entropy: Float[np.ndarray, " n"]
) -> dict[str, float | None]:
    """Return Spearman's correlation of each score with the entropy of human label counts."""
    return _defined(**{name: _spearman(u, entropy) for name, u in scores.items()})


def _spearman(u: Uncertainty, entropy: Float[np.ndarray, " n"]) -> float:
    varied = np.ptp(u) > 0 and np.ptp(entropy) > 0
    return float(spearmanr(u, entropy).statistic) if varied else math.nan


def _defined(**values: float) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _reason(positive: Errors, thing: str, quality: str) -> str | None:
    """Return why detecting the positives is undefined, or None where it is not."""
    if positive.any() and not positive.all():
        return None
    return f"{'every' if positive.any() else 'no'} {thing} is {quality}"
