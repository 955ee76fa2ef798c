"""The functions `run`, `compare` and `load_results` of the package; they return data frames."""

import os
import warnings
from collections.abc import Iterable
from typing import Any

import pandas as pd

from bench.commands.grid_session import make_context
from bench.errors import BenchError, unknown
from bench.escaping import printable
from bench.execution.machines import Machines
from bench.execution.observer import CellReport, Observer
from bench.execution.start import run_grid
from bench.grid.cells import cells
from bench.grid.request import Request
from bench.options import PathLike, path_of, refuse_empty
from bench.report import comparison
from bench.report.results import frame, load_records
from bench.report.selection import Selection
from bench.spec import CellState, RunSpec, validated
from bench.store import grid_status as status
from bench.store.store import Store


def run(
    *,
    results: PathLike = "results",
    data_root: PathLike | None = None,
    download: bool = False,
    plugins: PathLike | Iterable[PathLike] = (),
    force: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Run a grid and return its finished runs, one row each, as `load_results` does.

    Args:
        results: folder of the store; runs that are finished there are not run again.
        data_root: where data sets are; None takes the environment variable BENCH_DATA, else `data`.
        download: fetch data sets that are missing.
        plugins: a folder or several that hold `methods/` or `datasets/` of their own.
        force: run again what is finished.
        options: those of `bench run --help`, with `_` for `-`, as values or text: `noise=[0, 0.3]`
            or `noise="0,0.3"`; `set` and `slurm` are dictionaries. Only `jobs` has another default,
            0: runs follow each other in this process. With more, each run has a process of its own,
            and a script must guard its own code by `if __name__ == "__main__":`.

    Raises:
        UsageError: an unknown option or name, or a value that does not fit.

    Warns:
        UserWarning: cells that failed, with their reasons; the other cells are run and stored. Also
            what a plugin changed of its process, such as the working directory; it is put back.
    """
    request, machines = _read({"jobs": 0} | options)
    folders = [path_of(folder, "plugins") for folder in _listed(plugins)]
    context = make_context(
        path_of(results, "results"), data_root, folders, machines, download=download, force=force
    )
    grid = cells(request, context.registry, context.data_root)
    machines.check(grid)
    status.remember(context.store, grid)
    _warn_of_failures(run_grid(machines, grid, context, Observer()))
    wanted = {cell.identity for cell in grid if isinstance(cell, RunSpec)}
    found = load_results(results)
    return found[found["identity"].isin(wanted)].reset_index(drop=True) if len(found) else found


def _listed(plugins: PathLike | Iterable[PathLike]) -> list[PathLike]:
    """Return folders given as a list, or a single one."""
    return [plugins] if isinstance(plugins, str | os.PathLike) else list(plugins)


def _read(options: dict[str, Any]) -> tuple[Request, Machines]:
    known = {*Request.model_fields, *Machines.model_fields}
    for name in options:
        if name not in known:
            raise unknown("argument", name, known)
    request, machines = (
        {name: value for name, value in options.items() if name in model.model_fields}
        for model in (Request, Machines)
    )
    return validated(Request, request, "argument"), validated(Machines, machines, "argument")


def _warn_of_failures(reports: list[CellReport]) -> None:
    failed = [
        printable(f"{report.title}: {report.detail}") for report in reports if report.status == CellState.FAILED
    ]
    if failed:
        warnings.warn(f"{len(failed)} of {len(reports)} cells failed: {'; '.join(failed)}", stacklevel=3)
    for line in dict.fromkeys(line for report in reports for line in report.notes):
        warnings.warn(line, stacklevel=3)


def load_results(results: PathLike = "results") -> pd.DataFrame:
    """Return all finished runs of a results folder, one row each.

    Columns tell what was run, its metrics (`scores.own.aurc`, …, as fractions) and what it cost.

    Raises:
        BenchError: there is no such folder, or its name is empty.

    Warns:
        UserWarning: folders in the store that cannot be read as runs.
    """
    folder = path_of(results, "results")
    if not folder.is_dir():
        raise BenchError(f"there is no results folder {results}")
    records, problems = load_records(Store(folder))
    for problem in problems:
        warnings.warn(printable(problem), stacklevel=2)
    return frame(records, folder)


def compare(
    *,
    results: PathLike = "results",
    datasets: str | Iterable[str] = (),
    methods: str | Iterable[str] = (),
    noise: str | Iterable[str | float] = (),
    setting: str | None = None,
    metric: str = "accuracy",
    against: str | None = None,
) -> pd.DataFrame:
    """Return paired differences of stored runs, one row for each pair of methods and each noise.

    Args:
        results: folder of the store.
        datasets, methods: names to compare, as a list or as text with commas, all if none is
            given; row labels of methods fit, too.
        noise: points of the noise axis, such as 0.3 or `pair:0.3`, all if none is given.
        setting: the name of one setting, where runs have several recipes.
        metric: a metric's dotted name, as `load_results` has it.
        against: the row label that every other is compared with; every pair if not given.

    Raises:
        UsageError: an unknown name, or nothing to compare.
    """
    refuse_empty(metric, "metric")
    refuse_empty(against, "against")
    folder = path_of(results, "results")
    wanted = {"datasets": datasets, "methods": methods, "noise": noise}
    given = {name: each if isinstance(each, str) else list(each) for name, each in wanted.items()}
    selection = validated(Selection, given | {"setting": setting}, "argument")
    compared = comparison.load(folder, selection, metric, against)
    for problem in compared.problems:
        warnings.warn(printable(problem), stacklevel=2)
    return compared.frame()
