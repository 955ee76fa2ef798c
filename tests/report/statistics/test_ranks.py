import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from bench.report.statistics.ranks import Ranks, critical_difference, critical_value, friedman
from bench.report.values import MethodLabel

# Demšar (2006), Table 5a: two-tailed Nemenyi test at 5 %.
DEMSAR = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}


def named(*labels):
    return [MethodLabel(label) for label in labels]


@pytest.mark.parametrize(("methods", "published"), DEMSAR.items())
def test_critical_values_are_the_published_ones(methods, published):
    assert critical_value(methods) == pytest.approx(published, abs=0.0011)


def test_the_critical_difference_is_that_of_demsars_example():
    """Four classifiers on 14 data sets, section 3.2.3: 2.569 √(4·5 / (6·14)) = 1.25."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_no_two_of_demsars_classifiers_differ_at_5_percent():
    """His mean ranks of C4.5 with and without two parameters tuned, Table 6: one bar joins all."""
    means = np.array([1.964, 2.000, 2.893, 3.143])
    assert Ranks(named("m+cf", "m", "cf", "C4.5"), means, 14, 0.026, critical_difference(4, 14)).cliques() == [
        (0, 3)
    ]


def test_p_is_scipys_and_ranks_are_by_hand():
    values = np.array([[3.0, 2, 1], [3, 1, 2], [5, 4, 4], [9, 8, 1]])
    found = friedman(named("a", "b", "c"), values)
    assert found.labels == named("a", "b", "c")
    np.testing.assert_allclose(found.means, [1, (2 + 3 + 2.5 + 2) / 4, (3 + 2 + 2.5 + 3) / 4])
    assert found.p == pytest.approx(friedmanchisquare(*values.T).pvalue)
    assert found.blocks == 4


def test_the_best_comes_first():
    found = friedman(named("bad", "good", "best"), np.array([[1.0, 2, 4], [1, 3, 4]]))
    assert found.labels == named("best", "good", "bad")


def test_methods_that_tie_everywhere_are_alike():
    assert friedman(named("a", "b", "c"), np.ones((4, 3))).p == 1.0


@pytest.mark.parametrize(
    ("means", "cliques"),
    [
        ([1.0, 2, 3, 4], [(0, 1), (1, 2), (2, 3)]),
        ([1.0, 1.5, 2, 4], [(0, 2)]),
        ([1.0, 3, 5], []),
        ([1.0, 1.1, 1.2], [(0, 2)]),
    ],
)
def test_cliques_are_maximal(means, cliques):
    labels = named(*(str(i) for i in range(len(means))))
    assert Ranks(labels, np.array(means), 9, 1.0, critical=1.0).cliques() == cliques
