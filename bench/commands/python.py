"""The Python interface: what the command line does, as functions that return data frames."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.data.data_root import PathLike, find_data_root
from bench.errors import BenchError
from bench.execution.context import Context
from bench.execution.machines import Machines
from bench.execution.observer import Observer
from bench.grid.cells import cells
from bench.grid.request import Request
from bench.plugins.registry import Registry
from bench.report import comparison
from bench.report.results import frame, load_records
from bench.spec import RunSpec, validated
from bench.store import grid_status as status
from bench.store.store import Store


def run(
    *,
    results: PathLike = "results",
    data_root: PathLike | None = None,
    download: bool = False,
    plugins: Iterable[PathLike] = (),
    force: bool = False,
    jobs: int = 0,
    threads: int = 1,
    machines: Mapping[str, Any] | None = None,
    **request: Any,
) -> pd.DataFrame:
    """Run a grid and return its finished runs, one row each, as `load_results` does.

    Args:
        results: folder of the store; runs that are finished there are not run again.
        data_root: where data sets are; None takes the environment variable BENCH_DATA, else `data`.
        download: fetch data sets that are missing.
        plugins: folders that hold `methods/` or `datasets/` of their own.
        force: run again what is finished.
        jobs: runs at a time, each in a process of its own; a script that asks for them must guard its own code by
            `if __name__ == "__main__":`. 0 runs them one after the other in this process.
        threads: CPU threads of torch in each run.
        machines: other fields of `bench.execution.machines.Machines`: executor, address, ….
        request: the fields of `bench.grid.request.Request`: methods, datasets, noise, seeds, epochs, set, ….

    Raises:
        UsageError: an unknown name or an unfit value.

    Warns:
        UserWarning: cells that failed, with their reasons; the other cells are run and stored.
    """
    registry = Registry(Path(folder) for folder in plugins)
    context = Context(registry, Store(Path(results)), find_data_root(data_root), download, force)
    grid = cells(validated(Request, request, "argument"), registry, context.data_root)
    where = validated(Machines, {"jobs": jobs, "threads": threads} | dict(machines or {}), "argument")
    where.check(grid)
    status.remember(context.store, grid)
    reports = where.run(grid, context, Observer())
    failed = [f"{report.title}: {report.detail}" for report in reports if report.status == "failed"]
    if failed:
        warnings.warn(f"{len(failed)} of {len(grid)} cells failed: {'; '.join(failed)}", stacklevel=2)
    wanted = {cell.identity for cell in grid if isinstance(cell, RunSpec)}
    found = load_results(results)
    return found[found["identity"].isin(wanted)].reset_index(drop=True) if len(found) else found


def load_results(results: PathLike = "results") -> pd.DataFrame:
    """Return all finished runs of a results folder, one row each.

    Columns tell what was run, every metric (`scores.own.aurc`, …, in fractions of 1) and what it cost.

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
        datasets, methods: names to compare, all if none is given; a method's row label will do, too.
        metric: a metric's dotted name, as `load_results` has it.
        against: the row label that every other is compared with; every pair if not given.

    Raises:
        UsageError: an unknown name, or nothing to compare.
    """
    compared = comparison.load(Path(results), list(datasets), list(methods), metric, against)
    for problem in compared.problems:
        warnings.warn(problem, stacklevel=2)
    return compared.frame()
