"""Predictions that were made elsewhere: arrays by name, checked, in the form of a run's own."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from bench.evaluation.array_names import FORMS, NAMED, TRAIN, check_names
from bench.evaluation.predictions import LabelledPredictions, Predictions
from bench.evaluation.scores import msp
from bench.evaluation.valid_arrays import ArrayError, require_labels, require_one_length, require_real

Arrays = Mapping[str, Any]
TOLERANCE = 1e-3  # by which the sum of a row of probabilities may differ from 1
SMALLEST = float(np.finfo(np.float32).tiny)  # for a probability of 0, whose logarithm is infinite


class Predicted(NamedTuple):
    """One uncertainty of a file, beside what all of them share."""

    test: LabelledPredictions
    train: LabelledPredictions | None


def read_outside(arrays: Arrays) -> dict[str, Predicted]:
    """Return checked predictions by the name of their uncertainty.

    The name is that of `uncertainty_NAME`, and empty for `uncertainty` or where there is none: then
    the uncertainty is 1 − max softmax. Logits keep their precision, of 32 bits at least;
    probabilities become their logarithms, those below `SMALLEST` that of `SMALLEST`.

    Args:
        arrays: by their names in `OUTSIDE_ARRAYS`, `labels` among them.

    Raises:
        UsageError: a name is unknown.
        ArrayError: an array is missing, of the wrong type, shape or length, holds NaN, infinities
            or values out of range, or does not fit the others.
    """
    check_names(arrays)
    names = [name for name in arrays if name == "uncertainty" or name.startswith(NAMED)]
    test = _part(arrays, "", names, {"labels": "label"}, {"human_entropy": None})
    train = _training(arrays, names, next(iter(test.values())).predictions.logits.shape[1])
    return {name: Predicted(found, train[name] if train else None) for name, found in test.items()}


def _training(arrays: Arrays, names: list[str], classes: int) -> dict[str, LabelledPredictions] | None:
    """Return the predictions of the training images, None if the arrays have none of them."""
    given = [name for name in arrays if name.startswith(TRAIN)]
    if not given:
        return None
    if odd := [name for name in given if _is_uncertainty(name) and name.removeprefix(TRAIN) not in names]:
        raise ArrayError(f"{odd[0]} needs {odd[0].removeprefix(TRAIN)} of the test images beside it")
    labels = {"train_true": "true", "train_given": "given"}
    optional = {name: name.removeprefix(TRAIN) for name in ("train_index", "train_current") if name in arrays}
    found = _part(arrays, TRAIN, [TRAIN + name for name in names], labels | optional, {})
    width = next(iter(found.values())).predictions.logits.shape[1]
    if width != classes:
        raise ArrayError(f"train_logits must have the {classes} classes of the test images, got {width}")
    return found


def _is_uncertainty(name: str) -> bool:
    return name.removeprefix(TRAIN).startswith("uncertainty")


def _part(
    arrays: Arrays, prefix: str, names: list[str], labels: dict[str, str], others: dict[str, None]
) -> dict[str, LabelledPredictions]:
    """Return the predictions of one part, test or training, by the name of their uncertainty.

    Args:
        arrays: all of them.
        prefix: of the part's names.
        names: the arrays of uncertainty.
        labels: the arrays of classes or places that there must be, each with its column's name.
        others: arrays of numbers there may be.
    """
    for name in (*labels, *names):
        if name not in arrays:
            raise ArrayError(f"there is no array {name}, which {_why(name)}")
    logits, normalised = _logits(arrays, prefix)
    columns = {column: _classes(arrays, name, logits.shape[1]) for name, column in labels.items()}
    columns |= {name: _numbers(name, arrays[name], 1) for name in others if name in arrays}
    scores = {name: _numbers(name, arrays[name], 1) for name in names}
    features = None if f"{prefix}features" not in arrays else _numbers("features", arrays["features"], 2)
    lengths = {"logits": logits, **columns, **scores, **({} if features is None else {"features": features})}
    require_one_length(**lengths)
    scores = scores or {"": msp(torch.from_numpy(logits)).numpy()}
    return {
        name.removeprefix(prefix).removeprefix("uncertainty").removeprefix("_"): LabelledPredictions(
            Predictions(logits, score.astype(np.float64), features, normalised), columns
        )
        for name, score in scores.items()
    }


def _why(name: str) -> str:
    if name == "labels":
        return "is needed where the data set is not at hand"
    return "the training part needs"


def _logits(arrays: Arrays, prefix: str) -> tuple[Float[np.ndarray, "n classes"], bool]:
    """Return logits or log-probabilities, and whether they are the latter."""
    forms = [form for form in FORMS if prefix + form in arrays]
    if len(forms) != 1:
        wanted = ", ".join(prefix + form for form in FORMS)
        raise ArrayError(f"one of {wanted} is needed, got {' and '.join(prefix + f for f in forms) or 'none'}")
    name = prefix + forms[0]
    values = _numbers(name, arrays[name], 2)
    if values.shape[1] < 2:
        raise ArrayError(f"{name} must be of two classes or more, got shape {values.shape}")
    if forms[0] == "logits":
        return values, False
    if forms[0] == "probabilities":
        _check_probabilities(name, values)
        return np.log(np.maximum(values.astype(np.float64), SMALLEST)), True
    _check_sums(name, np.exp(values.astype(np.float64)), "must be logarithms of probabilities, which")
    return values, True


def _check_probabilities(name: str, values: Float[np.ndarray, "n classes"]) -> None:
    if (values < 0).any():
        row = int((values < 0).any(axis=1).argmax())
        raise ArrayError(f"{name} must be 0 or more, row {row} holds {values[row].min():g}")
    _check_sums(name, values, "must")


def _check_sums(name: str, values: Float[np.ndarray, "n classes"], must: str) -> None:
    sums = values.sum(axis=1, dtype=np.float64)
    if (wrong := np.abs(sums - 1) > TOLERANCE).any():
        row = int(wrong.argmax())
        raise ArrayError(
            f"{name} {must} sum to 1 in each row (to {TOLERANCE:g}), "
            f"{wrong.sum()} of {len(sums)} do not, row {row} sums to {sums[row]:.6g}"
        )


def _classes(arrays: Arrays, name: str, classes: int) -> np.ndarray:
    """Return an array of classes, or of places in the data set, as int64."""
    require_labels(name, arrays[name], None if name == "train_index" else classes)
    return np.require(arrays[name], np.int64, ["C", "W"])


def _numbers(name: str, values: Any, ndim: int) -> np.ndarray:
    """Return an array of finite numbers as float32 if it has no more digits, else as float64."""
    require_real(name, values, ndim=ndim, whole=True)
    is_short = values.dtype.kind == "f" and values.dtype.itemsize <= 4
    return np.require(values, np.float32 if is_short else np.float64, ["C", "W"])
