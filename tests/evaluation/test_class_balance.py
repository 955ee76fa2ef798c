"""Metrics of unequal classes against scikit-learn's, absent classes included."""

import warnings

import numpy as np
import pytest
from harness import evaluation_of
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score, recall_score, roc_auc_score

from bench.evaluation.class_balance import (
    ClassCounts,
    balanced_accuracy,
    class_accuracy,
    class_auroc,
    macro_f1,
)
from bench.evaluation.evaluate import LARGEST_CONFUSION
from bench.evaluation.predictions import Predictions
from bench.evaluation.ranking import Scored

CLASSES = 6
# Which classes are true and which predicted: all; not 5; 4 never predicted; 4 only predicted; one.
CASES = {
    "all": (range(6), range(6)),
    "absent": (range(5), range(5)),
    "never predicted": (range(6), [0, 1, 2, 3, 5]),
    "only predicted": ([0, 1, 2, 3, 5], range(6)),
    "one": ([2], [2, 3]),
}


def drawn(case, seed=0, size=200):
    """Long-tailed labels, and logits whose argmax is right in two thirds."""
    rng, (true, predicted) = np.random.default_rng(seed), CASES[case]
    weights = 0.5 ** np.arange(len(true))
    labels = rng.choice(list(true), size, p=weights / weights.sum())
    chosen = np.where(rng.random(size) < 2 / 3, labels, rng.choice(list(predicted), size))
    chosen = np.where(np.isin(chosen, list(predicted)), chosen, predicted[0])
    logits = rng.normal(size=(size, CLASSES)).astype(np.float32)
    logits[np.arange(size), chosen] = logits.max(axis=1) + 1
    return logits, labels, chosen


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_metrics_are_those_of_scikit_learn_from_predictions_and_from_the_matrix(case, seed):
    logits, labels, chosen = drawn(case, seed)
    matrix = confusion_matrix(labels, chosen, labels=range(CLASSES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are predicted only
        balanced, f1 = balanced_accuracy_score(labels, chosen), f1_score(labels, chosen, average="macro")
        recalls = recall_score(labels, chosen, labels=range(CLASSES), average=None, zero_division=np.nan)
    for counts in (ClassCounts.of(logits, labels), ClassCounts.of_confusion(matrix)):
        assert balanced_accuracy(counts) == pytest.approx(balanced, abs=1e-12)
        assert macro_f1(counts) == pytest.approx(f1, abs=1e-12)
        assert class_accuracy(counts) == pytest.approx(recalls, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("case", CASES)
def test_error_detection_within_a_class_is_that_of_scikit_learn(case):
    _, labels, chosen = drawn(case)
    uncertainty = np.random.default_rng(5).random(len(labels)).round(1)  # with ties
    found = class_auroc(Scored(uncertainty, chosen != labels, labels, CLASSES))
    for own, value in enumerate(found):
        errors = (chosen != labels)[labels == own]
        if 0 < errors.sum() < len(errors):
            assert value == pytest.approx(roc_auc_score(errors, uncertainty[labels == own]), abs=1e-12)
        else:
            assert np.isnan(value)


def evaluated(logits, labels):
    test = Predictions(logits, np.random.default_rng(0).random(len(logits)), None)
    return evaluation_of(test, labels, test, labels, labels).metrics


def test_the_metrics_of_a_run_have_them_and_say_why_one_is_undefined():
    labels = np.array([0, 0, 1, 1, 2, 2, 0])
    chosen = np.array([0, 1, 1, 1, 0, 1, 0])
    found = evaluated(np.eye(4, dtype=np.float32)[chosen], labels)
    assert found["class_accuracy"] == [pytest.approx(2 / 3), 1, 0, None]
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 3)
    for values in found["class_auroc"].values():
        assert [value is None for value in values] == [False, True, True, True]
    assert found["undefined"]["class_auroc"] == (
        "no image of class 3; no misclassified image of class 1; misclassified images only of class 2"
    )


def test_where_every_class_has_both_there_is_no_reason():
    logits, labels, _ = drawn("all", size=2000)
    assert "class_auroc" not in evaluated(logits, labels)["undefined"]


def test_of_very_many_classes_there_is_no_error_detection_by_class():
    size = LARGEST_CONFUSION + 1
    labels = np.arange(3 * size) % size
    found = evaluated(np.random.default_rng(0).normal(size=(3 * size, size)).astype(np.float32), labels)
    assert len(found["class_accuracy"]) == size
    assert found["balanced_accuracy"] == pytest.approx(found["accuracy"])
    assert "class_auroc" not in found
    assert "class_auroc" not in found["undefined"]
