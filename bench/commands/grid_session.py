"""What `bench run` does once its options are read: run or estimate a grid, show the results."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench.commands.console import FAILED, console, note
from bench.commands.interrupts import INTERRUPTED
from bench.commands.progress import Display, show_plan_table
from bench.commands.report_tables import show_report
from bench.data.data_root import find_data_root
from bench.errors import UnknownPluginError, UsageError
from bench.execution.context import Context
from bench.execution.estimate import Estimator
from bench.execution.machines import Machines
from bench.execution.observer import CellReport
from bench.execution.start import run_grid
from bench.execution.weightless import without_weights
from bench.grid.cell_state import Cell, CellState
from bench.grid.cells import cells
from bench.grid.config_files import load_experiment
from bench.grid.devices import gpu_number, on_gpu
from bench.grid.request import Request
from bench.options import PathLike
from bench.plugins.registry import Registry
from bench.report.pages import write_report
from bench.report.sample_pictures import Samples
from bench.spec import RunSpec
from bench.store import grid_status as status
from bench.store.store import Store
from bench.store.stored_plugins import where_source_lies
from bench.tracking.tracking import tracking
from bench.validation import validated

STOPPED = 75  # exit status: a temporary failure, the same command goes on


def make_context(
    results: Path,
    data_root: PathLike | None,
    plugins: Iterable[Path],
    machines: Machines = Machines(),  # noqa: B008 - immutable
    *,
    download: bool = False,
    force: bool = False,
    keep_weights: bool = False,
) -> Context:
    """Return where things are and how long they may take; the time allowed begins now."""
    return Context(
        Registry(plugins),
        Store(results.absolute()),
        find_data_root(data_root).absolute(),
        download,
        force,
        60 * machines.checkpoint_minutes,
        machines.deadline(),
        keep_weights,
    )


def make_request(options: dict[str, Any], experiment: str | None, kind: type[Request] = Request) -> Request:
    """Return the request of an experiment with options, which replace its own.

    Within `set` and `pictures` they replace key by key.

    Args:
        options: as they were typed, by name.
        experiment: name or file of an experiment; None starts from the defaults.
        kind: the model that has the defaults and checks the values.

    Raises:
        UsageError: an unknown name or an unfit value.
    """
    base = {} if experiment is None else load_experiment(experiment)
    merged = base | options
    for section in ("set", "pictures"):
        if isinstance(base.get(section), dict) and section in options:
            merged[section] = _merged(base[section], options[section])
    return validated(kind, merged, "option")


def grid_of(request: Request, context: Context, machines: Machines) -> tuple[list[Cell], Context]:
    """Return the cells of a request, and the context with the GPU that it asks for.

    Raises:
        UsageError: a name is unknown, a value does not fit, or the machines do not. Where runs of
            the store hold the source of an unknown plugin, the error says so.
    """
    try:
        grid = cells(request, context.registry, context.data_root)
    except UnknownPluginError as error:
        raise UsageError(f"{error}{where_source_lies(context.store, error)}") from None
    context = replace(context, gpu=gpu_number(request.device))
    machines.check(grid, context.gpu)
    return grid, context


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {
        k: _merged(base[k], over[k]) for k in base if isinstance(base[k], dict) and isinstance(over.get(k), dict)
    }
    return base | over | both


def run(
    request: Request, grid: list[Cell], context: Context, results: Path, machines: Machines, trackers: list[str]
) -> int:
    """Run a grid, show and write its results, and return the exit status."""
    finished: list[CellReport] = []
    status.remember(context.store, grid)
    lacking = without_weights(grid, context)
    try:
        display = Display(console, grid, context, finished)
        with tracking(trackers, context.store, note, display) as observer:
            run_grid(machines, grid, context, observer)
    except KeyboardInterrupt:
        _say_interrupted(grid, context.store)
        return INTERRUPTED
    written = write_report(results, Samples(context.registry, context.data_root), request.pictures)
    show_report(written, {cell.identity for cell in grid if isinstance(cell, RunSpec)})
    if lacking:
        note(lacking)
    return say_unfinished(finished)


def show_plan(grid: list[Cell], context: Context, machines: Machines) -> int:
    """Show the grid, cell by cell, and what it will cost; return the exit status."""
    torch.set_num_threads(machines.threads)
    timing = console.status("timing a few training steps of each method …")
    with timing, on_gpu(context.gpu):
        estimator = Estimator(context)
        rows = [(cell, estimator.estimate(cell)) for cell in grid]
    show_plan_table(console, rows, machines.at_once(grid, context.gpu))
    return FAILED if any(plan.state == CellState.CANNOT_RUN for _, plan in rows) else 0


def _say_interrupted(grid: list[Cell], store: Store) -> None:
    kept = sum(isinstance(cell, RunSpec) and store.has(cell) for cell in grid)
    note(f"{kept} of {len(grid)} runs are finished and kept; the same command goes on from there", "interrupted")


def say_unfinished(reports: list[CellReport]) -> int:
    """Show why cells failed or were declined, each reason once, and return the exit status.

    What plugins changed of their process is shown first, each once.
    """
    for line in dict.fromkeys(line for report in reports for line in report.notes):
        note(line)
    for kind in (CellState.DECLINED, CellState.FAILED):
        for detail, count in Counter(r.detail for r in reports if r.status == kind).items():
            first = next(r.title for r in reports if r.status == kind and r.detail == detail)
            more = f" (and {count - 1} more)" if count > 1 else ""
            note(f"{first}{more}: {detail}", kind)
    states = {report.status for report in reports}
    if CellState.STOPPED in states:
        left = sum(report.status == CellState.STOPPED for report in reports)
        note(f"{left} of {len(reports)} runs are left; the same command goes on from there", "out of time")
    return FAILED if CellState.FAILED in states else STOPPED if CellState.STOPPED in states else 0
