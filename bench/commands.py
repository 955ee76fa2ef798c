"""What the commands do, once their options are read."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from bench import api
from bench.display import Display, show_group, show_plan_table
from bench.errors import UsageError
from bench.estimate import CANNOT, Estimator
from bench.executors.local import CellReport, Context
from bench.grid import Cell
from bench.registry import Registry
from bench.report import Report, write_report
from bench.request import Request, load_experiment
from bench.samples import Samples
from bench.spec import Pictures, RunSpec, validated
from bench.store import Store

FAILED, INTERRUPTED = 1, 130
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def use_threads(threads: int) -> None:
    """Let torch compute with this many CPU threads.

    Raises:
        UsageError: the number is below 1.
    """
    if threads < 1:
        raise UsageError(f"--threads {threads}: must be 1 or more")
    torch.set_num_threads(threads)


def make_context(
    results: Path, data_root: Path | None, download: bool, plugins: Iterable[Path], force: bool
) -> Context:
    """Return where things are."""
    return Context(Registry(plugins), Store(results), api.find_data_root(data_root), download, force)


def make_samples(data_root: Path | None, plugins: Iterable[Path]) -> Samples:
    """Return where pictures find the samples of stored runs."""
    return Samples(Registry(plugins), api.find_data_root(data_root))


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


def run(request: Request, grid: list[Cell], context: Context, results: Path) -> int:
    """Run a grid, show and write its results, and return the exit status."""
    finished: list[CellReport] = []
    try:
        with Display(console, grid, context, finished) as display:
            api.run_grid(grid, context, display)
    except KeyboardInterrupt:
        _say_interrupted(grid, context.store)
        return INTERRUPTED
    written = write_report(results, Samples(context.registry, context.data_root), request.pictures)
    _show(written, {cell.identity for cell in grid if isinstance(cell, RunSpec)})
    return _say_unfinished(finished)


def report(results: Path, samples: Samples, pictures: dict[str, Any]) -> int:
    """Rebuild the report, with the pictures asked for, and show its main tables.

    Raises:
        UsageError: there is no such folder, or no run in it, or a picture is asked for that there is not.
    """
    wanted = validated(Pictures, pictures, "option")
    if not (results / "runs").is_dir():
        raise UsageError(f"--results {results}: there is no folder {results / 'runs'}; `bench run` makes it")
    written = write_report(results, samples, wanted)
    _show(written, None)
    if not written.groups:
        raise UsageError(f"--results {results}: there is no finished run")
    return 0


def show_plan(grid: list[Cell], context: Context) -> int:
    """Show the grid, cell by cell, and what it will cost; return the exit status."""
    with console.status("timing a few training steps of each method …"):
        estimator = Estimator(context)
        rows = [(cell, estimator.estimate(cell)) for cell in grid]
    show_plan_table(console, rows)
    return FAILED if any(plan.state == CANNOT for _, plan in rows) else 0


def _show(written: Report, wanted: set[str] | None) -> None:
    """Show the tables of the groups that hold a wanted run, all if None, and say what was left out."""
    for group in written.groups:
        if wanted is None or wanted & {record.spec.identity for record in group.records}:
            show_group(console, group)
    for problem in written.problems:
        errors.print(f"note: {problem}", soft_wrap=True, markup=False)
    if written.groups:
        console.print(f"All tables and curves: {written.folder / 'README.md'}", soft_wrap=True, markup=False)


def _say_interrupted(grid: list[Cell], store: Store) -> None:
    kept = sum(isinstance(cell, RunSpec) and store.has(cell) for cell in grid)
    errors.print(
        f"interrupted: {kept} of {len(grid)} runs are finished and kept; the same command goes on from there",
        soft_wrap=True,
    )


def _say_unfinished(reports: list[CellReport]) -> int:
    """Name the reasons of cells that failed or were declined, each once, and return the exit status."""
    for status in ("declined", "failed"):
        for detail, count in Counter(r.detail for r in reports if r.status == status).items():
            first = next(r.title for r in reports if r.status == status and r.detail == detail)
            more = f" (and {count - 1} more)" if count > 1 else ""
            errors.print(f"{status}: {first}{more}: {detail}", soft_wrap=True, markup=False)
    return FAILED if any(report.status == "failed" for report in reports) else 0
