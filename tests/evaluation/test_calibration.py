import numpy as np
import pytest
import scipy.special
import torch
from sklearn.metrics import log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from bench.evaluation.calibration import accuracy, adaptive_ece, brier, confusion, ece, log_softmax, nll


def drawn_logits(n, classes, scale, seed=0):
    rng = np.random.default_rng(seed)
    logits = (scale * rng.normal(size=(n, classes))).astype(np.float32)
    return logits, rng.integers(classes, size=n)


@pytest.mark.parametrize("scale", [0.1, 3, 100])
def test_log_softmax_agrees_with_scipy(scale):
    logits, _ = drawn_logits(50, 7, scale)
    expected = scipy.special.log_softmax(logits.astype(np.longdouble), axis=1)
    np.testing.assert_allclose(log_softmax(logits), expected.astype(float), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scale", [0.1, 3])
def test_nll_agrees_with_scikit_learn(scale):
    logits, labels = drawn_logits(80, 5, scale)
    probabilities = scipy.special.softmax(logits.astype(float), axis=1)
    assert nll(log_softmax(logits), labels) == pytest.approx(log_loss(labels, probabilities, labels=range(5)))


def test_nll_of_an_impossible_label_is_large_and_finite():
    assert nll(log_softmax(np.array([[0, 5000]], dtype=np.float32)), np.array([0])) == 5000


@pytest.mark.parametrize(
    ("logits", "expected"),
    [([0, 0, 0, 0], 3 / 4), ([900, 0, 0, 0], 0), ([0, 900, 0, 0], 2), (np.log([2, 3, 4, 1]), 0.9)],
    ids=["uniform", "sure and right", "sure and wrong", "by hand"],
)
def test_brier_by_hand(logits, expected):
    assert brier(log_softmax(np.array([logits], dtype=float)), np.array([0])) == pytest.approx(expected)


def test_accuracy_is_the_part_of_largest_logits_at_the_label():
    logits = np.array([[1, 2, 0], [5, 0, 0], [0, 1, 3], [0, 2, 1]], dtype=np.float32)
    assert accuracy(logits, np.array([1, 0, 0, 2])) == 0.5


@pytest.mark.parametrize("scale", [0.3, 1, 4])
def test_ece_agrees_with_torchmetrics_below_full_confidence(scale):
    logits, labels = drawn_logits(2000, 4, scale)
    probabilities = scipy.special.softmax(logits.astype(float), axis=1)
    confidence = probabilities.max(axis=1)
    assert confidence.astype(np.float32).max() < 1
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=4, n_bins=15
    )
    assert ece(confidence, logits.argmax(axis=1) != labels) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize(
    ("confidence", "right", "expected"),
    [
        ([0.25, 0.375], [True, False], (0.75 - 0.375) / 2),
        ([0.125, 0.25], [True, False], (0.875 + 0.25) / 2),
        ([0.5, 0.625], [True, False], (0.5 - 0.625) / -2),
        ([0.875, 1.0], [True, False], (1.0 - 0.125) / 2),
        ([1.0, 1.0], [True, False], 0.5),
        ([0.0, 0.125], [True, False], (1.0 - 0.125) / 2),
    ],
    ids=[
        "edge opens",
        "edge closes",
        "middle edge",
        "one is in the last bin",
        "only ones",
        "zero is in the first",
    ],
)
def test_ece_bins_are_closed_below_and_the_last_also_above(confidence, right, expected):
    assert ece(np.array(confidence), np.invert(right), bins=4) == pytest.approx(expected)


@pytest.mark.parametrize("edge", range(1, 15))
def test_a_confidence_at_each_of_the_15_edges_opens_its_bin(edge):
    pair = np.array([edge / 15, (edge + 0.5) / 15])
    below = np.array([(edge - 0.5) / 15, edge / 15])
    right_wrong = np.array([False, True])
    assert ece(pair, right_wrong) == pytest.approx(abs(pair.sum() - 1) / 2)
    assert ece(below, right_wrong) == pytest.approx((1 - below[0] + below[1]) / 2)


def test_adaptive_ece_by_hand():
    confidence = np.array([0.9, 0.6, 0.5, 0.8])
    right = np.array([True, True, False, False])
    # Sorted: 0.5 wrong, 0.6 right | 0.8 wrong, 0.9 right.
    assert adaptive_ece(confidence, ~right, bins=2) == pytest.approx((0.1 + 0.7) / 4)


@pytest.mark.parametrize("calibration", [ece, adaptive_ece])
def test_one_bin_leaves_the_gap_between_mean_confidence_and_accuracy(calibration):
    confidence, errors = np.array([0.9, 0.5, 0.8, 0.6]), np.array([False, True, True, True])
    assert calibration(confidence, errors, bins=1) == pytest.approx(0.7 - 0.25)


@pytest.mark.parametrize("calibration", [ece, adaptive_ece])
def test_the_order_of_equally_confident_samples_does_not_change_calibration(calibration):
    confidence = np.full(4, 0.75)
    one, other = np.array([True, False, True, False]), np.array([False, False, True, True])
    assert calibration(confidence, one, bins=2) == pytest.approx(calibration(confidence, other, bins=2))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int64])
def test_confusion_counts_the_same_whatever_the_type_of_the_labels(dtype):
    labels = np.array([26, 27, 29, 3], dtype=dtype)
    found = confusion(30.0 * np.eye(30)[[26, 27, 28, 3]], labels)
    expected = np.zeros((30, 30), dtype=int)
    expected[[26, 27, 29, 3], [26, 27, 28, 3]] = 1
    np.testing.assert_array_equal(found, expected)
