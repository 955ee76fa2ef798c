from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.evaluation.evaluate import of_score
from bench.evaluation.ranking import Scored, top_counts


@pytest.mark.parametrize(
    ("n", "k"), [(1, 1), (5, 1), (10, 1), (19, 1), (20, 2), (99, 9), (999, 99), (1000, 100), (3000, 100)]
)
def test_k_is_a_tenth_of_the_samples_between_1_and_100(n, k):
    u = np.arange(n, dtype=float)
    assert of_score(Scored(u, u > n / 2, np.zeros(n, dtype=int), 1))["top_k"]["k"] == k


def test_top_k_by_hand():
    u = np.array([0.9, 0.1, 0.7, 0.3, 0.5])
    errors = np.array([True, False, False, True, True])
    assert top_counts(Scored(u, errors, np.array([0, 2, 1, 0, 2]), 4), k=2) == {
        "k": 2,
        "uncertain_misclassified": 1,
        "uncertain_tied": 0,
        "certain_right": 1,
        "certain_tied": 0,
        "certain_classes": [1, 0, 1, 0],
    }


def test_ties_at_the_boundary_of_top_k_are_counted():
    u = np.array([4.0, 3.0, 3.0, 3.0, 1.0, 1.0])
    counts = top_counts(Scored(u, u > 3, np.zeros(6, dtype=int), 1), k=3)
    assert counts["uncertain_tied"] == 3
    assert counts["certain_tied"] == 3
    assert top_counts(Scored(u, u > 3, np.zeros(6, dtype=int), 1), k=4)["uncertain_tied"] == 0
    assert top_counts(Scored(u, u > 3, np.zeros(6, dtype=int), 1), k=2)["certain_tied"] == 0


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 2)), min_size=1, max_size=6),
    st.integers(1, 6),
)
def test_top_k_is_the_mean_over_all_orders_inside_ties(rows, k):
    k = min(k, len(rows))
    orders = [order for order in permutations(rows) if all(a[0] <= b[0] for a, b in pairwise(order))]
    most, least = [order[-k:] for order in orders], [order[:k] for order in orders]
    u, errors, labels = (np.array(column) for column in zip(*rows, strict=True))
    counts = top_counts(Scored(u.astype(float), errors, labels, 3), k)
    assert counts["uncertain_misclassified"] == pytest.approx(np.mean([sum(e for _, e, _ in top) for top in most]))
    assert counts["certain_right"] == pytest.approx(np.mean([sum(not e for _, e, _ in top) for top in least]))
    classes = [[sum(y == label for *_, y in top) for label in range(3)] for top in least]
    np.testing.assert_allclose(counts["certain_classes"], np.mean(classes, axis=0))
