"""The winner of a search: the first configuration within one standard error of the best."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.evaluation.metrics import find
from bench.report.summaries import Summary, entry, summarise
from bench.store.record import Record
from bench.store.studies import Study, StudyContest, StudyTrial

Records = Mapping[str, Record]  # by identity

RULE = (
    "Ties: configurations within one standard error of the best count as equal, and of them the "
    "first tried wins, the defaults being tried first. The standard error of an accuracy is "
    "√(p(1 − p)/n), p = (right + 2)/(n + 4), over the n held-out images of all seeds, that of other "
    "metrics the deviation over seeds by √seeds, 0 with one seed."
)


class Choice(NamedTuple):
    """Which configuration wins, and how many others are as good as the best."""

    winner: int
    tied: int


def chosen(contest: StudyContest, metric: str, records: Records) -> StudyContest:
    """Return a contest with its winner, or as it is if no configuration was evaluated."""
    found = choice([measured(trial, metric, records) for trial in contest.trials], metric, contest, records)
    return contest if found is None else contest.model_copy(update=found._asdict())


def measured(trial: StudyTrial, metric: str, records: Records) -> Summary | None:
    """Return a configuration's metric on the held-out part over its seeds.

    None if a run is missing or the metric undefined: fewer seeds cannot be compared with all.
    """
    values = [_value(identity, metric, records) for identity in trial.searched]
    return None if None in values else summarise(values)


def choice(
    values: Sequence[Summary | None], metric: str, contest: StudyContest, records: Records
) -> Choice | None:
    """Return which of the configurations wins, None if none has a value."""
    sign = find(metric).sign
    known = {place: sign * value.mean for place, value in enumerate(values) if value is not None}
    if not known:
        return None
    best = max(known, key=lambda place: known[place])
    error = _standard_error(values[best], metric, contest.trials[best], records)
    tied = [place for place, value in known.items() if value >= known[best] - error]
    return Choice(min(tied), len(tied) - 1)


def _standard_error(value: Summary | None, metric: str, trial: StudyTrial, records: Records) -> float:
    assert value is not None
    if metric == "accuracy":
        images = sum(records[identity].metrics.samples for identity in trial.searched)
        p = (images * value.mean + 2) / (images + 4)  # Agresti and Coull: not 0 where all are right
        return math.sqrt(p * (1 - p) / images)
    return 0.0 if value.std is None else value.std / math.sqrt(value.n)


def _value(identity: str, metric: str, records: Records) -> float | None:
    return entry(records[identity], *metric.split(".")) if identity in records else None


def with_winners(study: Study, records: Records) -> Study:
    """Return a search with the winner of each contest, all of whose runs have ended."""
    contests = tuple(chosen(contest, study.metric, records) for contest in study.contests)
    return study.model_copy(update={"contests": contests, "is_done": True})
