"""Arrays from elsewhere: what fits comes out as a run's own predictions, all else is one line."""

import numpy as np
import pytest

from bench.errors import BenchError
from bench.evaluation.outside_arrays import SMALLEST, TOLERANCE, read_outside

N, K, M = 12, 3, 7
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(N, K)).astype(np.float32)
LABELS = RNG.integers(0, K, N)
PROBABILITIES = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)
FITS = {"logits": LOGITS, "labels": LABELS, "uncertainty": RNG.random(N)}
TRAIN = {
    "train_logits": RNG.normal(size=(M, K)),
    "train_given": RNG.integers(0, K, M),
    "train_true": RNG.integers(0, K, M),
    "train_uncertainty": RNG.random(M),
}


def without(arrays, *names):
    return {name: values for name, values in arrays.items() if name not in names}


def changed(values, place, value):
    copy = np.array(values)
    copy[place] = value
    return copy


BAD = {
    "no logits": (without(FITS, "logits"), "one of logits, probabilities, log_probabilities is needed, got none"),
    "both": (FITS | {"probabilities": PROBABILITIES}, "got logits and probabilities"),
    "unknown": (FITS | {"logitz": LOGITS}, "no array 'logitz'. Did you mean 'logits'?"),
    "bad name": (FITS | {"uncertainty_a/b": LABELS}, "array uncertainty_a/b: after uncertainty_ must come"),
    "no labels": (without(FITS, "labels"), "there is no array labels"),
    "lengths": (FITS | {"uncertainty": np.ones(N - 1)}, "one value is needed for each sample, got 12 logits"),
    "nan": (FITS | {"logits": changed(LOGITS, (2, 1), np.nan)}, "logits must be finite, 1 of 36 values are not"),
    "inf": (FITS | {"uncertainty": changed(np.ones(N), 3, np.inf)}, "uncertainty must be finite, 1 of 12"),
    "objects": (FITS | {"logits": LOGITS.astype(object)}, "logits must be numbers, got object"),
    "texts": (FITS | {"labels": LABELS.astype(str)}, "labels must be integers"),
    "shape": (FITS | {"logits": LOGITS[:, 0]}, "logits must have 2 axes, got shape (12,)"),
    "one class": (FITS | {"logits": LOGITS[:, :1]}, "logits must be of two classes or more"),
    "empty": (FITS | {"logits": LOGITS[:0]}, "logits must hold one value or more"),
    "fractions": (FITS | {"labels": LABELS / 2}, "labels must be integers, got float64"),
    "range": (FITS | {"labels": changed(LABELS, 4, K)}, "labels must be classes from 0 to 2, got 3"),
    "negative label": (FITS | {"labels": changed(LABELS, 4, -1)}, "labels must be classes from 0 to 2, got -1"),
    "negative": (
        without(FITS, "logits") | {"probabilities": changed(PROBABILITIES, (5, 0), -0.1)},
        "probabilities must be 0 or more, row 5 holds -0.1",
    ),
    "sum": (
        without(FITS, "logits") | {"probabilities": changed(PROBABILITIES, 5, [0.5, 0.5, 0.2])},
        "probabilities must sum to 1 in each row (to 0.001), 1 of 12 do not, row 5 sums to 1.2",
    ),
    "log sum": (without(FITS, "logits") | {"log_probabilities": LOGITS}, "must be logarithms of probabilities"),
    "half a training part": (FITS | without(TRAIN, "train_given"), "there is no array train_given, which the tr"),
    "training score": (FITS | without(TRAIN, "train_uncertainty"), "there is no array train_uncertainty, which"),
    "other score": (FITS | TRAIN | {"train_uncertainty_a": np.ones(M)}, "train_uncertainty_a needs uncertainty_a"),
    "other classes": (FITS | TRAIN | {"train_logits": np.ones((M, 4))}, "must have the 3 classes of the test"),
    "training lengths": (FITS | TRAIN | {"train_true": TRAIN["train_true"][1:]}, "one value is needed"),
}


@pytest.mark.parametrize(("arrays", "said"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_one_line(arrays, said):
    with pytest.raises(BenchError) as error:
        read_outside(arrays)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_fits_keeps_its_values():
    (predicted,) = read_outside(FITS | TRAIN).values()
    outputs = predicted.test.predictions
    assert (outputs.logits == LOGITS).all()
    assert outputs.logits.dtype == np.float32
    assert (outputs.uncertainty == FITS["uncertainty"]).all()
    assert not outputs.normalised
    assert (predicted.train.columns["given"] == TRAIN["train_given"]).all()
    assert read_outside(FITS)[""].train is None


def test_names_of_uncertainties_are_keys_and_share_the_logits():
    found = read_outside(FITS | {"uncertainty_a": np.zeros(N), "uncertainty_b": np.ones(N)})
    assert list(found) == ["", "a", "b"]
    assert [each.test.predictions.uncertainty[0] for each in found.values()][1:] == [0, 1]


def test_without_uncertainty_it_is_one_minus_the_largest_softmax():
    (found,) = read_outside(without(FITS, "uncertainty")).values()
    assert np.allclose(found.test.predictions.uncertainty, 1 - PROBABILITIES.max(axis=1))


def test_probabilities_become_logarithms_and_zero_a_finite_one():
    sure = changed(PROBABILITIES, 0, [1, 0, 0])
    (found,) = read_outside(without(FITS, "logits") | {"probabilities": sure}).values()
    outputs = found.test.predictions
    assert outputs.normalised
    assert np.allclose(np.exp(outputs.logits), sure)
    assert outputs.logits[0, 1] == np.log(SMALLEST)


def test_sums_within_the_tolerance_pass():
    near = without(FITS, "logits") | {"probabilities": PROBABILITIES * (1 + 0.9 * TOLERANCE)}
    assert read_outside(near)[""].test.predictions.normalised


@pytest.mark.parametrize("dtype", ["<f2", ">f4", ">f8", "i8"])
def test_logits_of_other_types_are_read(dtype):
    (found,) = read_outside(FITS | {"logits": np.round(LOGITS).astype(dtype)}).values()
    assert (found.test.predictions.logits == np.round(LOGITS)).all()
    assert found.test.predictions.logits.dtype in (np.float32, np.float64)
