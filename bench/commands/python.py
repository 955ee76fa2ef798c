"""The functions `run`, `compare` and `load_results` of the package; they return data frames."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from bench.commands.grid_session import make_context
from bench.data.data_root import PathLike
from bench.errors import BenchError, unknown
from bench.execution.machines import Machines
from bench.execution.observer import CellReport, Observer
from bench.execution.start import run_grid
from bench.grid.cells import cells
from bench.grid.request import Request
from bench.report import comparison
from bench.report.results import frame, load_records
from bench.spec import CellState, RunSpec, validated
from bench.store import grid_status as status
from bench.store.store import Store


def run(
    *,
    results: PathLike = "results",
    data_root: PathLike | None = None,
    download: bool = False,
    plugins: Iterable[PathLike] = (),
    force: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Run a grid and return its finished runs, one row each, as `load_results` does.

    Args:
        results: folder of the store; runs that are finished there are not run again.
        data_root: where data sets are; None takes the environment variable BENCH_DATA, else `data`.
        download: fetch data sets that are missing.
        plugins: folders that hold `methods/` or `datasets/` of their own.
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
    folders = [Path(folder) for folder in plugins]
    context = make_context(Path(results), data_root, folders, machines, download=download, force=force)
    grid = cells(request, context.registry, context.data_root)
    machines.check(grid)
    status.remember(context.store, grid)
    _warn_of_failures(run_grid(machines, grid, context, Observer()))
    wanted = {cell.identity for cell in grid if isinstance(cell, RunSpec)}
    found = load_results(results)
    return found[found["identity"].isin(wanted)].reset_index(drop=True) if len(found) else found


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
    failed = [f"{report.title}: {report.detail}" for report in reports if report.status == CellState.FAILED]
    if failed:
        warnings.warn(f"{len(failed)} of {len(reports)} cells failed: {'; '.join(failed)}", stacklevel=3)
    for line in dict.fromkeys(line for report in reports for line in report.notes):
        warnings.warn(line, stacklevel=3)


def load_results(results: PathLike = "results") -> pd.DataFrame:
    """Return all finished runs of a results folder, one row each.

    Columns tell what was run, its metrics (`scores.own.aurc`, …, as fractions) and what it cost.

    Raises:
        BenchError: there is no such folder.

    Warns:
        UserWarning: folders in the store that cannot be read as runs.
    """
    if not Path(results).is_dir():
        raise BenchError(f"there is no results folder {results}")
    records, problems = load_records(Store(Path(results)))
    for problem in problems:
        warnings.warn(problem, stacklevel=2)
    return frame(records, Path(results))


def compare(
    *,
    results: PathLike = "results",
    datasets: Iterable[str] = (),
    methods: Iterable[str] = (),
    metric: str = "accuracy",
    against: str | None = None,
) -> pd.DataFrame:
    """Return paired differences of stored runs, one row for each pair of methods and each noise.

    Args:
        results: folder of the store.
        datasets, methods: names to compare, all if none is given; row labels of methods fit, too.
        metric: a metric's dotted name, as `load_results` has it.
        against: the row label that every other is compared with; every pair if not given.

    Raises:
        UsageError: an unknown name, or nothing to compare.
    """
    compared = comparison.load(Path(results), list(datasets), list(methods), metric, against)
    for problem in compared.problems:
        warnings.warn(problem, stacklevel=2)
    return compared.frame()
