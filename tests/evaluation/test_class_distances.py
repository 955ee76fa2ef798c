from itertools import combinations
from math import dist

import numpy as np
import pytest

from bench.evaluation.class_distances import distances_to_centres


def by_hand(features, labels):
    """The definition, sample by sample, in plain Python."""
    features = [tuple(map(float, row)) for row in features]
    members = {
        label: [f for f, own in zip(features, labels, strict=True) if own == label] for label in set(labels)
    }
    centres = {
        label: [sum(column) / len(rows) for column in zip(*rows, strict=True)] for label, rows in members.items()
    }
    pairs = [dist(a, b) for a, b in combinations(centres.values(), 2)]
    unit = sum(pairs) / len(pairs)
    own = [dist(f, centres[label]) / unit for f, label in zip(features, labels, strict=True)]
    other = [
        min(dist(f, centre) for name, centre in centres.items() if name != label) / unit
        for f, label in zip(features, labels, strict=True)
    ]
    return own, other


def drawn(seed, classes, n=40, width=5):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    return rng.normal(size=(n, width)) + 2 * rng.normal(size=(classes, width))[labels], labels


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_are_those_of_the_definition(classes, dtype):
    features, labels = drawn(classes, classes)
    features = features.astype(dtype)
    for found, expected in zip(distances_to_centres(features, labels), by_hand(features, labels), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_distances_of_four_points_on_a_line():
    own, other = distances_to_centres(np.array([[0.0], [2.0], [5.0], [5.0]]), np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(own, [0.25, 0.25, 0, 0])
    np.testing.assert_allclose(other, [1.25, 0.75, 1, 1])


def test_a_sample_may_lie_nearer_to_another_class_than_to_its_own():
    own, other = distances_to_centres(np.array([[0.0], [4.0], [4.0], [4.0]]), np.array([0, 0, 1, 1]))
    assert own[1] > other[1] == 0


def test_the_nearest_other_centre_is_never_that_of_the_own_class():
    own, other = distances_to_centres(np.array([[0.0], [1.0], [10.0]]), np.array([0, 1, 2]))
    np.testing.assert_array_equal(own, 0)
    np.testing.assert_allclose(other, np.array([1, 1, 9]) / (20 / 3))


@pytest.mark.parametrize(("scale", "shift"), [(1e-3, 0), (1, 50), (1e4, -7)])
def test_distances_depend_on_neither_scale_nor_origin(scale, shift):
    features, labels = drawn(0, 3)
    for found, expected in zip(
        distances_to_centres(scale * features + shift, labels), distances_to_centres(features, labels), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_distances_do_not_change_under_rotation():
    features, labels = drawn(1, 4)
    turned = features @ np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    for found, expected in zip(
        distances_to_centres(turned, labels), distances_to_centres(features, labels), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_class_without_samples_is_as_if_it_were_not_there():
    features, labels = drawn(3, 3)
    gap = np.array([0, 4, 9])[labels]
    for found, expected in zip(
        distances_to_centres(features, gap), distances_to_centres(features, labels), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_distances_are_undefined_where_there_is_one_class_only():
    own, other = distances_to_centres(drawn(4, 3)[0], np.full(40, 2))
    assert own.shape == other.shape == (40,)
    assert np.isnan(own).all()
    assert np.isnan(other).all()


def test_distances_are_undefined_where_all_centres_coincide():
    own, other = distances_to_centres(np.array([[-1.0], [1.0], [-3.0], [3.0]]), np.array([0, 0, 1, 1]))
    assert np.isnan(own).all()
    assert np.isnan(other).all()


def test_two_of_three_centres_may_coincide():
    features, labels = np.array([[-1.0], [1.0], [0.0], [3.0]]), np.array([0, 0, 1, 2])
    own, other = distances_to_centres(features, labels)
    np.testing.assert_allclose(own, np.array([1, 1, 0, 0]) / 2)
    np.testing.assert_allclose(other, np.array([1, 1, 0, 3]) / 2)


def test_large_single_precision_features_are_not_rounded_away():
    features, labels = np.array([[1e4, 0.0], [1e4, 1e-3], [1e4, 2e-3]], dtype=np.float32), np.arange(3)
    np.testing.assert_allclose(distances_to_centres(features, labels)[1], 0.75, rtol=1e-6)


def test_the_features_are_left_as_they_were():
    features, labels = drawn(5, 3)
    before = features.copy()
    distances_to_centres(features, labels)
    np.testing.assert_array_equal(features, before)
