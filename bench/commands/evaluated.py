"""The function `evaluate` of the package: metrics of arrays, without a store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import UsageError, unknown
from bench.evaluation.array_names import TRAIN
from bench.evaluation.evaluate import Evaluation
from bench.evaluation.evaluate import evaluate as of_run
from bench.evaluation.outside_arrays import read_outside
from bench.evaluation.score_names import RESERVED

BY_SCORE = ("scores", "noise_detection", "class_distances", "human_uncertainty")


@dataclass(frozen=True)
class Evaluated:
    """All metrics of predictions, as a stored run has them; what is undefined is None.

    `found["scores.own.auroc"]` is a number by its dotted name, as in `bench.load_results`, and
    `found.scores["own"]["auroc"]` the same. Uncertainties that were given by name stand under these
    in place of `own`.
    """

    metrics: Mapping[str, Any] = field(repr=False)
    curves: pd.DataFrame = field(repr=False)  # accuracy after rejecting 0, 1, … 99 %: `rejected`, then the scores

    @property
    def accuracy(self) -> float:
        """Part of the images whose argmax is the label."""
        return self.metrics["accuracy"]

    @property
    def scores(self) -> Mapping[str, Any]:
        """Metrics of error detection, by score."""
        return self.metrics["scores"]

    @property
    def noise_detection(self) -> Mapping[str, Any]:
        """Metrics of finding flipped training labels, by score."""
        return self.metrics["noise_detection"]

    @property
    def undefined(self) -> Mapping[str, str]:
        """Why metrics are None."""
        return self.metrics["undefined"]

    def __getitem__(self, name: str) -> Any:
        """Return a metric by its dotted name, or a group of them.

        Raises:
            UsageError: there is no metric of this name.
        """
        found: Any = self.metrics
        for key in name.split("."):
            if not isinstance(found, Mapping) or key not in found:
                raise unknown("metric", name, _names(self.metrics))
            found = found[key]
        return found


def evaluate(
    logits: Any,
    labels: Any,
    uncertainty: Any = None,
    *,
    probabilities: bool = False,
    features: Any = None,
    human_entropy: Any = None,
    train_logits: Any = None,
    train_given: Any = None,
    train_true: Any = None,
    train_uncertainty: Any = None,
) -> Evaluated:
    """Return the metrics and curves of predictions, those of a stored run, without a store.

    Arrays may be NumPy's, torch's or lists.

    Args:
        logits: (N, K) of the evaluated images.
        labels: (N,) their true classes, 0 to K − 1.
        uncertainty: (N,), larger = less sure; several in a dictionary by name; None takes
            1 − max softmax.
        probabilities: whether `logits` and `train_logits` are probabilities, each row of sum 1.
        features: (N, D), for distances to class centres.
        human_entropy: (N,) nats, of labels by people.
        train_logits: (M, K) of the training images.
        train_given: (M,) labels that the training was given.
        train_true: (M,) their true classes.
        train_uncertainty: (M,), or a dictionary with the names of `uncertainty`.

    Raises:
        BenchError: an array is of the wrong type, shape or length, holds NaN, infinities or values
            out of range, or is missing beside another.
    """
    form = "probabilities" if probabilities else "logits"
    given = {
        form: logits,
        "labels": labels,
        **_named("uncertainty", uncertainty),
        "features": features,
        "human_entropy": human_entropy,
        f"{TRAIN}{form}": train_logits,
        "train_given": train_given,
        "train_true": train_true,
        **_named("train_uncertainty", train_uncertainty),
    }
    found = read_outside({name: _array(values) for name, values in given.items() if values is not None})
    return _together({name: of_run(*each) for name, each in found.items()})


def _named(name: str, values: Any) -> dict[str, Any]:
    """Return one uncertainty, or several by the names of their arrays.

    Raises:
        UsageError: a name is that of a score that is there anyway, or of the curves' first column.
    """
    if not isinstance(values, Mapping):
        return {name: values}
    for each in values:
        if each in RESERVED:
            raise UsageError(f"{name}: {each!r} is a name that every evaluation has; choose another")
    return {f"{name}_{each}": of for each, of in values.items()}


def _array(values: Any) -> np.ndarray:
    """Return values as an array; tensors come to the CPU, those of 16 bits as float32."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() and values.element_size() < 4 else values
    return np.asarray(values)


def _together(found: Mapping[str, Evaluation]) -> Evaluated:
    """Return one evaluation of several uncertainties, in which names stand in place of `own`."""
    first, curves = next(iter(found.values()))
    if "" in found and len(found) == 1:
        return Evaluated(first, curves)
    metrics: dict[str, Any] = {
        key: _by_name(key, {name: each.metrics for name, each in found.items()}) if key in BY_SCORE else value
        for key, value in first.items()
    }
    own = {name: each.curves["own"] for name, each in found.items()}
    others = {str(name): column for name, column in curves.items() if name not in ("own", "rejected")}
    columns: dict[str, Any] = {"rejected": curves["rejected"], **own, **others}
    return Evaluated(metrics, pd.DataFrame(columns))


def _by_name(key: str, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    own = {name: metrics[key]["own"] for name, metrics in found.items()}
    first = next(iter(found.values()))[key]
    return own | {name: value for name, value in first.items() if name != "own"}


def _names(content: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = list[str]()
    for key, value in content.items():
        found += _names(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [f"{prefix}{key}"]
    return found
