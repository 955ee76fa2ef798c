"""Which configuration wins a search, for metrics of either better side."""

import numpy as np
import pytest

from bench.report.summaries import summarise
from bench.report.tuning_choice import choice
from bench.store.studies import StudyContest, StudyTrial

TRIAL = StudyTrial(values={}, searched=("0" * 64,), tested=())


def chosen(metric, *values):
    contest = StudyContest(dataset="d", noise="30%", method="m", trials=[TRIAL] * len(values))
    found = choice([None if each is None else summarise(each) for each in values], metric, contest, {})
    return None if found is None else (found.winner, found.tied)


@pytest.mark.parametrize("metric", ["nll", "ece", "scores.own.aurc"])
def test_of_a_metric_that_is_better_when_lower_the_lowest_wins(metric):
    assert chosen(metric, [0.5, 0.5], [0.3, 0.3], [0.4, 0.4]) == (1, 0)


def test_of_a_metric_that_is_better_when_higher_the_highest_wins():
    assert chosen("scores.own.auroc", [0.5, 0.5], [0.3, 0.3], [0.6, 0.6]) == (2, 0)


@pytest.mark.parametrize(("distance", "winner"), [(0.9, 0), (1.1, 1)])
def test_within_one_standard_error_of_the_best_the_first_tried_wins(distance, winner):
    best = np.array([0.20, 0.26, 0.29])
    error = best.std(ddof=1) / np.sqrt(3)
    first = np.full(3, best.mean() + distance * error)
    assert chosen("nll", first.tolist(), best.tolist()) == (winner, 1 - winner)


def test_a_configuration_without_a_value_cannot_win():
    assert chosen("nll", None, [0.5, 0.5]) == (1, 0)
    assert chosen("nll", None, None) is None
