import itertools

import numpy as np
import pytest
from harness import record, spec

from bench.report.grouping import group
from bench.report.statistics.against_max_softmax import against_msp, shortage

GAPS = {"rul": 0.05, "dul": -0.04, "baseline": 0.0}  # own AUROC − that of max-softmax


def made(method, noise, seed, own, msp):
    scores = {"own": {"auroc": own, "aurc": 1 - own}, "msp": {"auroc": msp, "aurc": 1 - msp}}
    return record(spec(methods=[method], noise=[noise], seeds=[seed]), metrics={"scores": scores})


@pytest.fixture(scope="module")
def members():
    rng = np.random.default_rng(0)
    runs = []
    for method, noise, seed in itertools.product(GAPS, ("0", "0.3"), range(4)):
        msp = 0.8 + 0.05 * rng.random()
        own = msp + (GAPS[method] * (1 + rng.random()) if GAPS[method] else 0)
        runs.append(made(method, noise, seed, own, msp))
    (found,) = group(runs)
    return found


def p_of(gaps):
    """The sign-flip test by trying every combination of signs."""
    means = [np.mean(np.array(signs) * gaps) for signs in itertools.product([1, -1], repeat=len(gaps))]
    return np.mean(np.abs(means) >= abs(np.mean(gaps)) - 1e-12)


def test_means_differences_and_p_are_those_of_the_pairs_of_all_noises(members):
    found = against_msp(members, "auroc")
    for method in GAPS:
        runs = [r for r in members.records if r.spec.label == method]
        own, msp = ([r.metrics.scores[s].entries()["auroc"] for r in runs] for s in ("own", "msp"))
        gaps = np.subtract(own, msp)
        each = found["pooled", method]
        assert each.own.mean == pytest.approx(np.mean(own))
        assert each.difference.mean == pytest.approx(gaps.mean())
        assert each.difference.std == pytest.approx(gaps.std(ddof=1))
        assert each.difference.n == 8
        expected = min(1, 2 * p_of(gaps)) if method != "baseline" else 1  # Holm over the two that differ
        assert each.p == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["auroc", "aurc"])
def test_the_better_score_is_named_whatever_side_of_the_metric_is_better(members, metric):
    found = against_msp(members, metric)
    assert {method: found["pooled", method].verdict for method in GAPS} == {
        "rul": "own",
        "dul": "msp",
        "baseline": "same",
    }


def test_four_runs_support_nothing_and_it_says_how_many_it_takes(members):
    found = against_msp(members, "auroc")
    at_30 = [found["30%", method] for method in GAPS]
    assert [each.verdict for each in at_30] == ["open", "open", "same"]
    assert "with 4 p is 0.125 at least" in shortage(at_30)
    assert "it takes 7 of each" in shortage(at_30)
    assert shortage([found["pooled", method] for method in GAPS]) == ""


def test_one_noise_has_no_pooled_rows_and_a_run_without_errors_is_no_pair():
    runs = [made("rul", "0", seed, 0.9, 0.8) for seed in (0, 1)]
    perfect = record(spec(methods=["dul"], noise=["0"]), metrics={"scores": {"own": {}, "msp": {}}})
    (members,) = group([*runs, perfect])
    assert set(against_msp(members, "auroc")) == {("0%", "rul")}


def test_scores_that_differ_by_rounding_alone_are_the_same():
    runs = [made("dul", "0.3", seed, 0.9 + 3e-8, 0.9) for seed in range(8)]
    (members,) = group(runs)
    assert against_msp(members, "auroc")["30%", "dul"].verdict == "same"
