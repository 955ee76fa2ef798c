"""What a search of `bench tune` tried and what won."""

from typing import Any

from bench.evaluation.metrics import find
from bench.report.columns import Column, Numbers, Summaries, Texts
from bench.report.summaries import over
from bench.report.table import Row, Table
from bench.report.tuning_choice import RULE, Records, measured
from bench.report.values import FORMATS, PERCENT, Format
from bench.store.record import Record
from bench.store.studies import Study, StudyContest, StudyRange, StudyTrial

LABELS = (
    "Held-out labels are the given ones, wrong ones among them, as a practitioner has no others; "
    "choosing by clean labels is not offered."
)

NO_RESULT = (
    "–: no result, as a run failed, was declined or has not ended, or as the metric is undefined there "
    "(AUROC is where there is no error); such a configuration cannot win."
)


def tuning_table(study: Study, records: Records) -> Table:
    """Return budget, configurations tried, winner, its held-out and test results, by method."""
    form = FORMATS[find(study.metric).scale]
    columns: list[Column] = [
        *(Texts("data set", "dataset"), Texts("noise"), Texts("method")),
        *(Numbers("tried"), Numbers("budget"), Texts("winner")),
        Summaries(f"held-out {study.metric}{_unit(form)}", "held_out", form),
        Numbers("ties", "tied"),
        Summaries(f"test {study.metric}{_unit(form)}", "test", form),
    ]
    if study.metric != "accuracy":
        columns.append(Summaries("test accuracy (%)", "test_accuracy", PERCENT))
    rows = [_row(contest, study, records) for contest in study.contests]
    return Table(f"tuning-{study.name}", f"Tuning: {_title(study)}", columns, rows, _notes(study))


def tuning_trials_table(study: Study, records: Records) -> Table:
    """Return every configuration that a search tried, with its held-out result."""
    form = FORMATS[find(study.metric).scale]
    columns: list[Column] = [
        *(Texts("data set", "dataset"), Texts("noise"), Texts("method"), Texts("configuration")),
        Summaries(f"held-out {study.metric}{_unit(form)}", "held_out", form),
        Numbers("runs"),
        Texts("won"),
    ]
    rows = [
        Row(
            [
                *(contest.dataset, contest.noise, contest.method, configuration(trial)),
                measured(trial, study.metric, records),
                len(_runs(trial.searched, records)),
                "yes" if place == contest.winner else "no",
            ]
        )
        for contest in study.contests
        for place, trial in enumerate(contest.trials)
    ]
    is_complete = all(row.cells[4] is not None for row in rows)
    notes = [] if is_complete else [NO_RESULT]
    return Table(f"tuning-trials-{study.name}", f"What was tried: {_title(study)}", columns, rows, notes)


def configuration(trial: StudyTrial) -> str:
    """Return a configuration as `--set` takes it; the empty one is the defaults.

    >>> configuration(StudyTrial(values={"rul.mix": 2}, searched=(), tested=()))
    'rul.mix=2'
    """
    return ", ".join(f"{path}={value}" for path, value in trial.values.items()) or "defaults"


def _row(contest: StudyContest, study: Study, records: Records) -> Row:
    won = None if contest.winner is None else contest.trials[contest.winner]
    test = _runs(won.tested, records) if won else []
    more = [over(test, "accuracy")] if study.metric != "accuracy" else []
    return Row(
        [
            *(contest.dataset, contest.noise, contest.method, _tried(contest, study, records), study.budget),
            configuration(won) if won else None,
            measured(won, study.metric, records) if won else None,
            contest.tied if won else None,
            over(test, *study.metric.split(".")),
            *more,
        ]
    )


def _tried(contest: StudyContest, study: Study, records: Records) -> int:
    """Return how many configurations have a result."""
    return sum(measured(trial, study.metric, records) is not None for trial in contest.trials)


def _runs(identities: tuple[str, ...], records: Records) -> list[Record]:
    return [records[identity] for identity in identities if identity in records]


def _title(study: Study) -> str:
    return f"{study.search} search by {study.metric} on {100 * study.held_out:g} % of the training set"


def _unit(form: Format) -> str:
    return {100.0: " (%)", 1e3: " ×10³"}.get(form.factor, "")


def _notes(study: Study) -> list[str]:
    space = "; ".join(f"{path} of {_values(axis)}" for path, axis in study.space.items())
    seeds = len(study.contests[0].trials[0].searched) if study.contests else 0
    notes = [
        f"Searched: {space}. Each method had a budget of {study.budget} configurations, its defaults "
        f"included, with {seeds} seed{'s' if seeds != 1 else ''} each; `tried` says how many have a result.",
        LABELS + (" So held-out accuracy is below that on clean labels." if study.metric == "accuracy" else ""),
        RULE,
        "The test set was not read in the search; the winner was trained on the whole training "
        "set and tested once per seed. A method that needs a held-out part of its own kept it aside; "
        "in the search it was fitted to the part that it was judged by, which flatters it.",
    ]
    return notes if study.is_done else [*notes, "The search has not ended; the same command goes on."]


def _values(axis: list[Any] | StudyRange) -> str:
    if isinstance(axis, StudyRange):
        return f"{axis.low:g} to {axis.high:g}{' (log)' if axis.log else ''}"
    return ", ".join(map(str, axis))
