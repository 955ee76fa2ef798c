"""The test set that predictions made elsewhere are of, and whether they fit its labels."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from bench.data.dataset import DataSet
from bench.errors import BenchError, DataError, unknown
from bench.evaluation.array_names import FORMS
from bench.evaluation.human_disagreement import entropy_of_counts
from bench.evaluation.outside_arrays import Predicted
from bench.evaluation.valid_arrays import require_labels
from bench.execution.context import Context
from bench.grid.cells import dataset_choice
from bench.plugins.loading import load
from bench.plugins.registry import plugin_name
from bench.spec import IMPORTED, Choice

Arrays = Mapping[str, np.ndarray]


class Evaluated(NamedTuple):
    """A data set, as far as it is known here."""

    choice: Choice
    data: DataSet | None
    unknown_because: str = ""  # why labels and classes cannot be checked


def find_evaluated(name: str, options: dict[str, Any], arrays: Arrays, context: Context) -> Evaluated:
    """Return the data set of that name if it is at hand, else one told from others by its labels.

    Args:
        name: of the data set.
        options: of the data set, as a user sets them.
        arrays: the predictions' own, with `labels` or without.
        context: where data sets are.

    Raises:
        BenchError: the data set is not at hand and there are no labels that do, or an option does
            not fit.
    """
    known = context.registry.all("datasets")
    if (plugin := known.get(plugin_name(name))) is None:
        missing: BenchError = unknown("data set", name, known)
        choice = Choice(name=name, hyperparameters={}, version=IMPORTED)
    else:
        choice = dataset_choice(plugin, options, context.data_root)
        try:
            return Evaluated(choice, load(choice, context.registry, context.data_root, context.download))
        except DataError as error:
            missing = error
    if "labels" not in arrays:
        raise type(missing)(f"{missing}; an array labels in the file would do, too")
    return Evaluated(choice.model_copy(update={"content": _digest(arrays)}), None, str(missing))


def _digest(arrays: Arrays) -> str:
    """Return a hash of what runs in one table must share: the labels, and the number of classes.

    Raises:
        ArrayError: the labels are no classes.
    """
    require_labels("labels", arrays["labels"])
    classes = [arrays[form].shape[1:] for form in FORMS if form in arrays]
    return hashlib.sha256(f"{classes}".encode() + arrays["labels"].astype("<i8").tobytes()).hexdigest()


def completed(arrays: Arrays, of: Evaluated) -> dict[str, np.ndarray]:
    """Return the arrays with what they lack and the data set knows: labels, and those of people.

    Raises:
        DataError: they are not of so many images as the test set has, or of other classes.
    """
    if of.data is None:
        return dict(arrays)
    test = of.data.test
    for form in FORMS:
        if form in arrays and arrays[form].shape[:1] != (len(test.labels),):
            raise DataError(
                f"{form}: {of.choice.name} has {len(test.labels)} test images, got shape {arrays[form].shape}; "
                f"all are needed, in the order of the data set"
            )
        classes = len(of.data.class_names)
        if form in arrays and arrays[form].ndim == 2 and arrays[form].shape[1] != classes:
            raise DataError(f"{form}: {of.choice.name} has {classes} classes, got shape {arrays[form].shape}")
    known = {"labels": test.labels.cpu().numpy()}
    if (counts := test.extra.get("human-counts")) is not None:
        known["human_entropy"] = entropy_of_counts(counts)
    return known | dict(arrays)


def check_fit(predicted: Predicted, of: Evaluated) -> None:
    """Check that predictions have the labels of their data set, if it is at hand.

    Raises:
        DataError: they have others; the message says how many and where.
    """
    if of.data is None:
        return
    name = of.choice.name
    _check_labels("labels", predicted.test.labels, of.data.test.labels.cpu().numpy(), f"the test labels of {name}")
    if predicted.train is None or (places := predicted.train.columns.get("index")) is None:
        return
    labels = of.data.train.labels.cpu().numpy()
    if places.max() >= len(labels):
        raise DataError(f"train_index: {name} has {len(labels)} training images, got place {places.max()}")
    true = predicted.train.columns["true"]
    _check_labels("train_true", true, labels[places], f"the labels of {name} at train_index")


def _check_labels(array: str, given: Int[np.ndarray, " n"], right: Int[np.ndarray, " n"], words: str) -> None:
    differ = np.flatnonzero(given != right)
    if len(differ):
        first = differ[0]
        raise DataError(
            f"{array}: {len(differ)} of {len(right)} are not {words}, the first at index {first}: got "
            f"{given[first]}, must be {right[first]}; the order must be that of the data set"
        )
