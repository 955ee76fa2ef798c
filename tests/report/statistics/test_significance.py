import numpy as np
import pytest
from scipy.stats import norm, permutation_test

from bench.report.statistics.significance import holm, pairs_needed, sign_flip, smallest_p


@pytest.mark.parametrize("n", [3, 6, 9])
def test_p_is_that_of_scipys_exact_paired_permutations(n):
    rng = np.random.default_rng(n)
    one, other = rng.normal(size=(2, n))
    paired = permutation_test(
        (one, other), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip(one - other) == pytest.approx(paired.pvalue)


def test_p_by_hand():
    """Of the eight sums ±1 ±2 ±3, two are as large as 6 and four as large as 4."""
    assert sign_flip(np.array([1.0, 2, 3])) == 2 / 8
    assert sign_flip(np.array([-1.0, 2, 3])) == 4 / 8


def test_equal_differences_are_the_smallest_p_whatever_they_round_to():
    assert sign_flip(np.full(8, 0.1)) == smallest_p(8) == 2 / 256


def test_no_difference_has_p_1():
    assert sign_flip(np.zeros(5)) == 1.0


def test_many_pairs_are_drawn_and_come_near_the_normal_limit():
    differences = np.random.default_rng(0).normal(0.25, 1, 60)
    z = differences.sum() / np.sqrt((differences**2).sum())
    assert sign_flip(differences) == pytest.approx(2 * norm.sf(abs(z)), abs=0.01)


def test_three_pairs_cannot_reach_5_percent_and_six_can():
    assert smallest_p(3) == 0.25
    assert pairs_needed(1) == 6
    assert pairs_needed(5) == 8  # 5 · 2/2^8 = 0.039


@pytest.mark.parametrize("n", [14, 15])
def test_equal_differences_of_up_to_15_pairs_have_the_smallest_p(n):
    assert sign_flip(np.full(n, 0.1)) == smallest_p(n) == 2 / 2**n


@pytest.mark.parametrize("n", [16, 100])
def test_more_pairs_do_not_fall_below_it(n):
    """Of 2^15 random signs and the observed ones, as many are as large as chance has it."""
    assert 2 / (2**15 + 1) <= sign_flip(np.full(n, 0.1)) < 4e-4
    assert smallest_p(n) == smallest_p(15)


def test_so_many_tests_cannot_reach_5_percent_with_any_number_of_pairs():
    assert pairs_needed(435) == 15  # 435 · 2/2^15 = 0.027: all pairs of 30 methods
    assert pairs_needed(819) == 15
    assert pairs_needed(820) is None


def test_holm_by_hand():
    """4·0.01, 3·0.02, 2·0.03 → no less than 0.06, 1·0.04 → likewise."""
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.03, 0.02])), [0.06, 0.04, 0.06, 0.06])


def test_holm_stays_a_probability_and_takes_none():
    assert holm(np.array([0.6, 0.9])).tolist() == [1.0, 1.0]
    assert len(holm(np.array([]))) == 0
