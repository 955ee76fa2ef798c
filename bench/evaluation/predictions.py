"""Outputs of a trained method on a set of samples, with the samples' labels."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped


class Predictions(NamedTuple):
    """Outputs for N samples, in their order."""

    logits: Float[np.ndarray, "n classes"]  # float32
    uncertainty: Float[np.ndarray, " n"]  # float64, larger = less sure
    features: Float[np.ndarray, "n features"] | None  # float32
    normalised: bool = False  # whether the logits are log-probabilities


class LabelledPredictions(NamedTuple):
    """Predictions and the labels of their samples: what a run makes, stores and is evaluated by."""

    predictions: Predictions
    columns: Mapping[str, Shaped[np.ndarray, " n"]]
    """Of the evaluated set: `label` and, where people gave labels, `human_entropy`.
    Of the training set: `index` (place in the data set), `true`, `given` and `current` labels."""

    @property
    def labels(self) -> Int[np.ndarray, " n"]:
        """The labels of an evaluated set."""
        return self.columns["label"]

    @property
    def predicted(self) -> Int[np.ndarray, " n"]:
        """The predicted classes."""
        return self.predictions.logits.argmax(axis=1)

    def table(self) -> dict[str, Shaped[np.ndarray, " n"]]:
        """Return all columns as they are stored: labels, `uncertainty`, `logit_0` …, `feature_0` ….

        Logits that are log-probabilities are named so: `log_probability_0` ….
        """
        logits, uncertainty, features, normalised = self.predictions
        name = "log_probability" if normalised else "logit"
        made = {**self.columns, "uncertainty": uncertainty}
        made |= {f"{name}_{k}": column for k, column in enumerate(logits.T)}
        return made if features is None else made | {f"feature_{k}": c for k, c in enumerate(features.T)}

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "LabelledPredictions":
        """Return the predictions that `table` returned the columns of.

        Raises:
            ValueError: there are no columns of logits, or none of uncertainty.
        """
        normalised = "log_probability_0" in table
        logits = _stacked(table, "log_probability" if normalised else "logit")
        if logits is None or "uncertainty" not in table:
            raise ValueError(f"there is no column {'logit_0' if logits is None else 'uncertainty'}")
        outputs = Predictions(logits, table["uncertainty"], _stacked(table, "feature"), normalised)
        written = cls(outputs, {}).table()
        return cls(outputs, {name: column for name, column in table.items() if name not in written})


def _stacked(table: Mapping[str, Any], name: str) -> np.ndarray | None:
    """Return the columns `name_0`, `name_1`, … side by side, None if there are none."""
    found = list[np.ndarray]()
    while f"{name}_{len(found)}" in table:
        found.append(table[f"{name}_{len(found)}"])
    return np.ascontiguousarray(np.stack(found, axis=1)) if found else None
