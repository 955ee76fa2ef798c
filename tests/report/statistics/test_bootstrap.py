import numpy as np
import pytest

from bench.report.statistics import bootstrap
from bench.report.statistics.bootstrap import over_samples, over_seeds, over_seeds_and_samples


def test_the_interval_covers_what_was_simulated(monkeypatch):
    """A difference of 0.1 with spread over 12 seeds and 60 samples."""
    monkeypatch.setattr(bootstrap, "REPLICATES", 200)
    rng, inside = np.random.default_rng(0), 0
    for _ in range(200):
        seeds, samples = rng.normal(0, 0.3, (12, 1)), rng.normal(0, 0.5, (1, 60))
        low, high = over_seeds_and_samples(over_samples(0.1 + seeds + samples + rng.normal(0, 1, (12, 60))))
        inside += low <= 0.1 <= high
    assert 0.86 <= inside / 200 <= 0.995


def test_samples_widen_the_interval():
    differences = np.random.default_rng(1).normal(0, 1, (8, 20))
    low, high = over_seeds(differences.mean(axis=1))
    wider = over_seeds_and_samples(over_samples(differences))
    assert wider[1] - wider[0] > high - low


def test_the_interval_over_seeds_is_near_the_bootstraps_normal_limit():
    differences = np.random.default_rng(2).normal(3, 1, 40)
    half = 1.96 * differences.std() / np.sqrt(40)
    assert over_seeds(differences) == pytest.approx(
        (differences.mean() - half, differences.mean() + half), abs=0.06
    )


def test_one_pair_has_no_interval_over_seeds():
    assert over_seeds(np.array([0.1])) is None


def test_the_same_differences_have_the_same_interval():
    differences = np.random.default_rng(3).normal(size=6)
    assert over_seeds(differences) == over_seeds(differences)


def test_all_runs_see_the_samples_that_a_replicate_draws():
    one = np.random.default_rng(4).normal(size=30)
    means = over_samples(np.stack([one, one + 1]))
    assert means.shape == (2, bootstrap.REPLICATES)
    np.testing.assert_allclose(means[1] - means[0], 1)


def test_means_over_drawn_samples_spread_by_their_standard_error():
    outcomes = np.random.default_rng(5).normal(2, 1, (1, 400))
    means = over_samples(outcomes)
    assert means.mean() == pytest.approx(outcomes.mean(), abs=0.005)
    assert means.std() == pytest.approx(outcomes.std() / np.sqrt(400), rel=0.1)
