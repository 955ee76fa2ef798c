"""What the commands do that run, check or estimate something, once their options are read."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from bench.commands.console import FAILED, console, errors, show_report
from bench.commands.progress import Display, show_plan_table
from bench.data.data_root import find_data_root
from bench.errors import UsageError
from bench.execution.context import Context
from bench.execution.estimate import CANNOT, Estimator
from bench.execution.machines import Machines
from bench.execution.observer import CellReport
from bench.grid.config_files import load_experiment
from bench.grid.request import Request
from bench.plugins.registry import Registry
from bench.report.pages import write_report
from bench.report.sample_pictures import Samples
from bench.spec import Cell, RunSpec, validated
from bench.store import grid_status as status
from bench.store.store import Store

STOPPED, INTERRUPTED = 75, 130  # 75: a temporary failure, the same command goes on


def make_machines(options: dict[str, Any], grid: list[Cell]) -> Machines:
    """Return the machines that are asked for, once they fit the grid.

    Raises:
        UsageError: they do not, or a value is unfit.
    """
    machines = validated(Machines, options, "option")
    machines.check(grid)
    return machines


def make_context(
    results: Path,
    data_root: Path | None,
    plugins: Iterable[Path],
    *,
    download: bool = False,
    force: bool = False,
    checkpoint_minutes: float = 5.0,
    max_minutes: float | None = None,
) -> Context:
    """Return where things are and how long they may take.

    Raises:
        UsageError: a time is below zero.
    """
    for name, minutes in (("checkpoint-minutes", checkpoint_minutes), ("max-minutes", max_minutes)):
        if minutes is not None and not minutes >= 0:
            raise UsageError(f"--{name} {minutes:g}: must be 0 or more")
    deadline = None if max_minutes is None else time.time() + 60 * max_minutes
    registry, root = Registry(plugins), find_data_root(data_root)
    return Context(registry, Store(results), root, download, force, 60 * checkpoint_minutes, deadline)


def make_request(options: dict[str, Any], experiment: str | None) -> Request:
    """Return what an experiment asks for, with the options that replace its own, key by key within `set`.

    Raises:
        UsageError: an unknown name or an unfit value.
    """
    base = load_experiment(experiment) if experiment else {}
    merged = base | options
    for section in ("set", "pictures"):
        if isinstance(base.get(section), dict) and section in options:
            merged[section] = _merged(base[section], options[section])
    return validated(Request, merged, "option")


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {
        k: _merged(base[k], over[k]) for k in base if isinstance(base[k], dict) and isinstance(over.get(k), dict)
    }
    return base | over | both


def run(request: Request, grid: list[Cell], context: Context, results: Path, machines: Machines) -> int:
    """Run a grid, show and write its results, and return the exit status."""
    finished: list[CellReport] = []
    status.remember(context.store, grid)
    try:
        with Display(console, grid, context, finished) as display:
            machines.run(grid, context, display)
    except KeyboardInterrupt:
        _say_interrupted(grid, context.store)
        return INTERRUPTED
    written = write_report(results, Samples(context.registry, context.data_root), request.pictures)
    show_report(written, {cell.identity for cell in grid if isinstance(cell, RunSpec)})
    return _say_unfinished(finished)


def show_plan(grid: list[Cell], context: Context, machines: Machines) -> int:
    """Show the grid, cell by cell, and what it will cost; return the exit status."""
    torch.set_num_threads(machines.threads)
    with console.status("timing a few training steps of each method …"):
        estimator = Estimator(context)
        rows = [(cell, estimator.estimate(cell)) for cell in grid]
    show_plan_table(console, rows, machines.at_once(grid))
    return FAILED if any(plan.state == CANNOT for _, plan in rows) else 0


def _say_interrupted(grid: list[Cell], store: Store) -> None:
    kept = sum(isinstance(cell, RunSpec) and store.has(cell) for cell in grid)
    errors.print(
        f"interrupted: {kept} of {len(grid)} runs are finished and kept; the same command goes on from there",
        soft_wrap=True,
    )


def _say_unfinished(reports: list[CellReport]) -> int:
    """Name the reasons of cells that failed or were declined, each once, and return the exit status."""
    for kind in ("declined", "failed"):
        for detail, count in Counter(r.detail for r in reports if r.status == kind).items():
            first = next(r.title for r in reports if r.status == kind and r.detail == detail)
            more = f" (and {count - 1} more)" if count > 1 else ""
            errors.print(f"{kind}: {first}{more}: {detail}", soft_wrap=True, markup=False)
    states = {report.status for report in reports}
    if "stopped" in states:
        left = sum(report.status == "stopped" for report in reports)
        errors.print(f"out of time: {left} of {len(reports)} runs are left; the same command goes on from there")
    return FAILED if "failed" in states else STOPPED if "stopped" in states else 0
