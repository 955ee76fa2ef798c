from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from bench.evaluation.ranking import (
    accuracy_at_rejection,
    augrc,
    aurc,
    auroc,
    average_precision,
    e_aurc,
    fpr95_correct,
    fpr95_error,
    rank,
    rejection_curve,
    risk_at_coverage,
    top_weights,
)

few = settings(max_examples=50)
many = settings(max_examples=150)

RATES = np.array([0.0, 0.25, 0.5, 0.75])
DETECTION = [auroc, average_precision, fpr95_error, fpr95_correct]
RISK = [aurc, e_aurc, augrc]


def ranked(uncertainty, errors):
    return rank(np.array(uncertainty, dtype=float), np.array(errors, dtype=bool))


def samples(max_size, levels=5):
    pair = st.tuples(st.integers(0, levels - 1), st.booleans())
    return st.lists(pair, min_size=1, max_size=max_size).map(lambda pairs: tuple(zip(*pairs, strict=True)))


def all_of(ranking):
    values = [metric(ranking) for metric in DETECTION + RISK]
    values += [accuracy_at_rejection(ranking, 0.1), risk_at_coverage(ranking, 0.8)]
    return [*values, *rejection_curve(ranking, RATES)]


def errors_in_every_order(uncertainty, errors):
    """The errors, most certain sample first, one row per order that the uncertainty allows."""
    u, e = np.array(uncertainty), np.array(errors, dtype=float)
    orders = np.array(list(permutations(range(len(u)))))
    return e[orders[(np.diff(u[orders], axis=1) >= 0).all(axis=1)]]


# ---- of a ranking: known values and brute force --------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "value", "digits"),
    [(aurc, 0.22190, 5), (e_aurc, 0.1093, 4), (augrc, 0.1300, 4)],
)
def test_known_values_for_errors_at_ranks_3_7_9_10_of_10(metric, value, digits):
    ranking = ranked(range(10), np.isin(np.arange(1, 11), [3, 7, 9, 10]))
    assert metric(ranking) == pytest.approx(value, abs=0.5 * 10**-digits)


@few
@given(samples(max_size=6, levels=3))
def test_aurc_is_the_mean_over_all_orders_inside_ties(sample):
    e = errors_in_every_order(*sample)
    risks = [[row[:k].mean() for k in range(1, len(row) + 1)] for row in e]
    assert aurc(ranked(*sample)) == pytest.approx(np.mean(risks))


@few
@given(samples(max_size=6, levels=3))
def test_the_rejection_curve_is_the_mean_over_all_orders_inside_ties(sample):
    e = errors_in_every_order(*sample)
    n = e.shape[1]
    kept = [max(1, n - round(rate * n)) for rate in RATES]
    expected = [1 - e[:, :k].mean() for k in kept]
    np.testing.assert_allclose(rejection_curve(ranked(*sample), RATES), expected, atol=1e-12)


@few
@given(samples(max_size=6, levels=3), st.integers(1, 6))
def test_risk_at_coverage_is_the_mean_over_all_orders_inside_ties(sample, k):
    e = errors_in_every_order(*sample)
    n = e.shape[1]
    assume(k <= n)
    assert risk_at_coverage(ranked(*sample), k / n) == pytest.approx(e[:, :k].mean(), abs=1e-12)


@few
@given(samples(max_size=6, levels=3))
def test_e_aurc_is_the_distance_to_the_best_of_all_rankings(sample):
    n, positives = len(sample[1]), sum(sample[1])
    places = permutations([False] * (n - positives) + [True] * positives)
    best = min(aurc(ranked(range(n), errors)) for errors in set(places))
    ranking = ranked(*sample)
    assert e_aurc(ranking) == pytest.approx(aurc(ranking) - best, abs=1e-12)


# ---- of a ranking: properties --------------------------------------------------------------------


@many
@given(samples(max_size=40))
def test_augrc_follows_from_auroc_and_the_error_rate(sample):
    ranking = ranked(*sample)
    R = np.mean(sample[1])
    mixed = 0 < R < 1
    pairs = (1 - auroc(ranking)) * R * (1 - R) if mixed else 0
    assert augrc(ranking) == pytest.approx(pairs + R**2 / 2, abs=1e-12)


@many
@given(samples(max_size=40), st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5, unique=True).map(sorted))
def test_an_increasing_transform_of_the_uncertainty_changes_no_metric(sample, levels):
    u, errors = sample
    transformed = np.array(levels)[list(u)]
    np.testing.assert_array_equal(all_of(ranked(transformed, errors)), all_of(ranked(u, errors)))


@many
@given(samples(max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_the_samples_changes_no_metric(sample, random):
    shuffled = list(zip(*sample, strict=True))
    random.shuffle(shuffled)
    np.testing.assert_array_equal(all_of(ranked(*zip(*shuffled, strict=True))), all_of(ranked(*sample)))


@many
@given(samples(max_size=40))
def test_e_aurc_is_never_negative(sample):
    assert e_aurc(ranked(*sample)) >= 0


@pytest.mark.parametrize("positives", [0, 1, 3, 7, 12])
@pytest.mark.parametrize("tied", [True, False])
def test_e_aurc_of_a_perfect_ranking_is_zero(positives, tied):
    errors = np.arange(12) >= 12 - positives
    assert e_aurc(ranked(errors if tied else range(12), errors)) == 0


def test_a_swap_of_one_error_costs_e_aurc():
    assert e_aurc(ranked([0, 1, 2, 3], [False, True, False, True])) == pytest.approx((1 / 2) / 4)


def test_detection_is_perfect_inverted_and_blind_where_it_should_be():
    errors = [False, False, True, True]
    u = [[0, 1, 2, 3], [3, 2, 1, 0], [5, 5, 5, 5]]
    assert [auroc(ranked(each, errors)) for each in u] == [1, 0, 0.5]
    assert [average_precision(ranked(each, errors)) for each in u] == pytest.approx([1, 5 / 12, 0.5])
    assert [fpr95_error(ranked(each, errors)) for each in u] == [0, 1, 1]
    assert [fpr95_correct(ranked(each, errors)) for each in u] == [0, 1, 1]


# ---- of a ranking: against scikit-learn ----------------------------------------------------------


def sklearn_fpr95(positive, score):
    fpr, tpr, _ = roc_curve(positive, score, drop_intermediate=False)
    return fpr[tpr >= 0.95].min()


REFERENCES = [
    (auroc, lambda u, e: roc_auc_score(e, u)),
    (average_precision, lambda u, e: average_precision_score(e, u)),
    (fpr95_error, lambda u, e: sklearn_fpr95(e, u)),
    (fpr95_correct, lambda u, e: sklearn_fpr95(~e, -u)),
]
against_sklearn = pytest.mark.parametrize(
    ("metric", "reference"), REFERENCES, ids=[metric.__name__ for metric, _ in REFERENCES]
)


@against_sklearn
@pytest.mark.parametrize("decimals", [0, 1, 12], ids=["many ties", "some ties", "no ties"])
@pytest.mark.parametrize("rate", [0.03, 0.5, 0.97])
def test_error_detection_agrees_with_scikit_learn(metric, reference, decimals, rate):
    rng = np.random.default_rng(3)
    errors = rng.random(500) < rate
    u = np.round(rng.normal(size=500) + 1.5 * errors, decimals)
    assert metric(rank(u, errors)) == pytest.approx(reference(u, errors), abs=1e-12)


@against_sklearn
@few
@given(sample=samples(max_size=40))
def test_error_detection_agrees_with_scikit_learn_on_small_tied_samples(metric, reference, sample):
    u, errors = np.array(sample[0], dtype=float), np.array(sample[1])
    assume(errors.any() and not errors.all())
    assert metric(rank(u, errors)) == pytest.approx(reference(u, errors), abs=1e-12)


@pytest.mark.parametrize("found", [19, 18])
def test_exactly_95_percent_is_enough_for_both_false_positive_rates(found):
    least = found < 19
    fewer = [True] * found + [False] * 4 + [True] * (20 - found) + [False] * 6
    falling = np.arange(len(fewer), 0, -1)
    assert fpr95_error(ranked(falling, fewer)) == pytest.approx(0.4 * least)
    assert fpr95_correct(ranked(-falling, np.invert(fewer))) == pytest.approx(0.4 * least)


# ---- of a ranking: undefined and edge cases ------------------------------------------------------


@pytest.mark.parametrize("metric", DETECTION)
@pytest.mark.parametrize("wrong", [False, True], ids=["no error", "all errors"])
@pytest.mark.parametrize("u", [[1, 2, 3, 4], [1, 1, 1, 1]], ids=["ranked", "tied"])
def test_error_detection_is_undefined_without_errors_or_without_right_ones(metric, wrong, u):
    assert np.isnan(metric(ranked(u, [wrong] * 4)))


@pytest.mark.parametrize("wrong", [False, True], ids=["no error", "all errors"])
def test_risks_stay_defined_without_errors_or_without_right_ones(wrong):
    ranking = ranked([1, 2, 2, 4], [wrong] * 4)
    assert [metric(ranking) for metric in RISK] == [wrong, 0, wrong / 2]


def test_the_whole_set_kept_has_the_accuracy_of_all():
    ranking = ranked([0, 1, 1, 2, 2], [True, False, True, False, True])
    assert accuracy_at_rejection(ranking, 0.0) == pytest.approx(0.4)
    assert risk_at_coverage(ranking, 1.0) == pytest.approx(0.6)


@pytest.mark.parametrize(("coverage", "k"), [(0.8, 6), (0.6, 4), (0.5, 4)])
def test_coverage_is_rounded_to_the_nearest_number_of_samples(coverage, k):
    errors = [False, False, False, True, True, True, True]
    assert risk_at_coverage(ranked(range(7), errors), coverage) == pytest.approx((k - 3) / k)


def test_rejection_keeps_at_least_the_most_certain_sample():
    assert accuracy_at_rejection(ranked([0, 1, 2], [False, True, True]), 0.99) == 1
    assert risk_at_coverage(ranked([0, 1, 2], [False, True, True]), 0.01) == 0


@pytest.mark.parametrize(
    ("k", "weights"),
    [
        (1, [1, 0, 0, 0, 0]),
        (2, [1, 0, 1 / 3, 1 / 3, 1 / 3]),
        (3, [1, 0, 2 / 3, 2 / 3, 2 / 3]),
        (4, [1, 0, 1, 1, 1]),
        (5, [1, 1, 1, 1, 1]),
    ],
)
def test_samples_tied_at_the_boundary_share_the_places_left_in_the_top(k, weights):
    np.testing.assert_allclose(top_weights(np.array([3.0, 1.0, 2.0, 2.0, 2.0]), k), weights)
