"""What `bench tune` and `bench.tune` do once options are read: search, choose, test the winners."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from bench.errors import unknown
from bench.evaluation.metrics import has_better_side
from bench.evaluation.score_names import SCORE_NAMES
from bench.execution.context import Context
from bench.execution.machines import Machines
from bench.execution.observer import CellReport, Observer
from bench.execution.start import run_grid
from bench.grid.cell_state import Cell, CellState
from bench.grid.devices import gpu_number
from bench.grid.request import Request
from bench.grid.search_space import Range, Search, axes_of
from bench.grid.tuning import Contest, Trial, contests
from bench.report.results import load_records
from bench.report.summaries import Summary
from bench.report.tables.tuning_tables import configuration
from bench.report.tuning_choice import Records, measured, with_winners
from bench.store import grid_status as status
from bench.store.store import Store
from bench.store.studies import Study, StudyContest, StudyTrial

Watching = Callable[[list[Cell]], AbstractContextManager[Observer]]


@dataclass(frozen=True)
class Tuning:
    """A search that is ready to start."""

    contests: list[Contest]
    study: Study
    context: Context
    machines: Machines

    @property
    def trials(self) -> list[Cell]:
        """The runs on the held-out part, the configurations of all methods in turn."""
        return [spec for contest in self.contests for trial in contest.trials for spec in trial.searched]

    def expected_tests(self) -> list[Cell]:
        """Return the tests of what wins so far, else of the defaults, which cost about the same."""
        study = with_winners(self.study, records_of(self.context.store.results))
        winners = [contest.winner or 0 for contest in study.contests]
        pairs = zip(self.contests, winners, strict=True)
        return [spec for contest, winner in pairs for spec in contest.trials[winner].tested]

    def remarks(self) -> list[str]:
        """Return a line for each method with fewer configurations than the budget."""
        budget = self.study.budget
        tried = {contest.method: len(contest.trials) for contest in self.contests}
        return [
            f"{method}: {'only its defaults' if count == 1 else f'{count} configurations'}, "
            f"fewer than the budget of {budget}; it is not searched further"
            for method, count in tried.items()
            if count < budget
        ]


def make_tuning(request: Request, search: Search, context: Context, machines: Machines) -> Tuning:
    """Return a search of what a request lists.

    Raises:
        UsageError: a name or value does not fit, or nothing is to be searched.
        BenchError: a plugin does not load.
    """
    _check_metric(search.metric)
    found = contests(request, search, context.registry, context.data_root)
    context = replace(context, gpu=gpu_number(request.device))
    made = Tuning(found, _study(found, request, search), context, machines)
    machines.check(made.trials, context.gpu)
    return made


def _check_metric(metric: str) -> None:
    if not has_better_side(metric) or metric.startswith(("noise_detection", "class_distances")):
        names = ["accuracy", "nll", "ece", "scores.own.aurc", "scores.own.auroc", "scores.msp.aurc"]
        raise unknown("metric to tune by", metric, [name for name in names if has_better_side(name)])
    if (parts := metric.split(".")[1:]) and parts[0] not in SCORE_NAMES:
        raise unknown("score to tune by", parts[0], SCORE_NAMES)


def _study(found: list[Contest], request: Request, search: Search) -> Study:
    return Study(
        budget=search.budget,
        search=search.search,
        search_seed=search.search_seed if search.search == "random" else 0,  # a grid has no use for it
        metric=search.metric,
        held_out=request.held_out,
        space={k: axis.model_dump() if isinstance(axis, Range) else axis for k, axis in axes_of(request).items()},
        contests=tuple(_contest(contest) for contest in found),
    )


def _contest(contest: Contest) -> StudyContest:
    return StudyContest(
        dataset=contest.dataset,
        noise=contest.noise,
        method=contest.method,
        trials=tuple(_trial(trial) for trial in contest.trials),
    )


def _trial(trial: Trial) -> StudyTrial:
    searched, tested = (tuple(spec.identity for spec in runs) for runs in (trial.searched, trial.tested))
    return StudyTrial(values=trial.values, searched=searched, tested=tested)


def tune(tuning: Tuning, watching: Watching) -> tuple[Study, list[CellReport]]:
    """Run a search, then the tests of its winners; finished runs are not run again.

    Returns:
        The search with its winners, or without them if time ran out; what became of each run.
    """
    results = tuning.context.store.results
    if tuning.study.name not in {path.stem for path in (results / "tuning").glob("*.json")}:
        tuning.study.write(results)
    reports = _run(tuning, tuning.trials, watching)
    if any(report.status == CellState.STOPPED for report in reports):
        return tuning.study, reports
    study = with_winners(tuning.study, records_of(results)).write(results)
    winners = [
        contest.trials[decided.winner].tested
        for contest, decided in zip(tuning.contests, study.contests, strict=True)
        if decided.winner is not None
    ]
    tests: list[Cell] = [spec for tested in winners for spec in tested]
    return study, reports + (_run(tuning, tests, watching) if tests else [])


def _run(tuning: Tuning, grid: list[Cell], watching: Watching) -> list[CellReport]:
    status.remember(tuning.context.store, grid)
    with watching(grid) as observer:
        return run_grid(tuning.machines, grid, tuning.context, observer)


def records_of(results: Path) -> Records:
    """Return the runs of a results folder by identity."""
    return {record.spec.identity: record for record in load_records(Store(results))[0]}


def trials_frame(study: Study, records: Records) -> pd.DataFrame:
    """Return one row for each configuration of a search, with its results."""
    return pd.DataFrame(
        [
            {
                "dataset": contest.dataset,
                "noise": contest.noise,
                "method": contest.method,
                "configuration": configuration(trial),
                "values": trial.values,
                "held_out": _mean(measured(trial, study.metric, records)),
                "test": _mean(_tested(trial, study.metric, records)) if place == contest.winner else None,
                "won": place == contest.winner,
                "budget": study.budget,
                "tried": len(contest.trials),
            }
            for contest in study.contests
            for place, trial in enumerate(contest.trials)
        ]
    )


def _tested(trial: StudyTrial, metric: str, records: Records) -> Summary | None:
    return measured(StudyTrial(values=trial.values, searched=trial.tested, tested=()), metric, records)


def _mean(found: Summary | None) -> float | None:
    return found.mean if found else None
