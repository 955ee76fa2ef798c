"""What the commands do, once their options are read."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from bench import api, comparison, status, transfer
from bench.checks import find_plugin, run_checks
from bench.display import Display, show_group, show_plan_table, show_status_table, show_table
from bench.errors import UsageError
from bench.estimate import CANNOT, Estimator
from bench.executors.cell import CellReport, Context
from bench.executors.machines import Machines
from bench.grid import Cell
from bench.registry import Registry, plugin_name
from bench.report import Report, write_report
from bench.request import Request, load_experiment
from bench.samples import Samples
from bench.spec import Pictures, RunSpec, validated
from bench.store import Store

FAILED, STOPPED, INTERRUPTED = 1, 75, 130  # 75: a temporary failure, the same command goes on
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


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
    registry, root = Registry(plugins), api.find_data_root(data_root)
    return Context(registry, Store(results), root, download, force, 60 * checkpoint_minutes, deadline)


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


def compare(results: Path, datasets: list[str], methods: list[str], metric: str, against: str | None) -> int:
    """Compare stored runs, show and write what that says, and return the exit status.

    Raises:
        UsageError: an unknown name, or nothing to compare.
    """
    compared = comparison.load(results, datasets, methods, metric, against)
    for table in compared.tables(brief=True):
        show_table(console, table)
    for problem in compared.problems:
        errors.print(f"note: {problem}", soft_wrap=True, markup=False)
    page = compared.write(results / "compare")
    console.print(f"All comparisons: {page}", soft_wrap=True, markup=False)
    return 0


def show_status(results: Path) -> int:
    """Show how far the runs are that were asked for; return the exit status.

    Raises:
        UsageError: nothing was asked for in this folder.
        BenchError: the list of what was is damaged.
    """
    runs = status.of(Store(results))
    if not runs:
        raise UsageError(f"--results {results}: no run was asked for there; `bench run` begins one")
    show_status_table(console, runs)
    return FAILED if any(run.state == "failed" for run in runs) else 0


def merge(others: Iterable[Path], results: Path) -> int:
    """Bring runs of other results folders or packs into this one; return the exit status.

    Raises:
        UsageError: there is no such folder or pack.
    """
    failed = False
    for other in others:
        merged = transfer.merge(Store(results), other)
        completed = f", {merged.completed} of them without the predictions added now" if merged.completed else ""
        said = f"{other}: {merged.added} runs added, {merged.same} were here{completed}"
        console.print(said, soft_wrap=True, markup=False)
        for line in merged.problems:
            errors.print(f"note: {line}", soft_wrap=True, markup=False)
        for line in merged.refused:
            errors.print(f"refused: {line}", soft_wrap=True, markup=False)
        failed = failed or bool(merged.refused or merged.problems)
    return FAILED if failed else 0


def pack(target: Path, results: Path, predictions: bool) -> int:
    """Write a results folder's finished runs to one small file; return the exit status.

    Raises:
        UsageError: there is no finished run.
    """
    packed, problems = transfer.pack(Store(results), target, predictions)
    for line in problems:
        errors.print(f"note: {line}", soft_wrap=True, markup=False)
    kibibytes = target.stat().st_size / 1024
    size = f"{kibibytes:.0f} KiB" if kibibytes < 1024 else f"{kibibytes / 1024:.1f} MiB"
    console.print(f"{target}: {packed} runs, {size}", soft_wrap=True, markup=False)
    return 0


def check(
    target: str, plugins: Iterable[Path], data_root: Path | None, settings: dict[str, dict[str, Any]]
) -> int:
    """Run the conformance kit on a plugin, show a line for each check, and return the exit status.

    Raises:
        UsageError: there is no such plugin, or a setting is for another, or does not fit.
        PluginError: it does not load.
    """
    torch.set_num_threads(1)
    plugin = find_plugin(target, Registry(plugins))
    given = {plugin_name(name): values for name, values in settings.items()}
    for name in given:
        if name != plugin.name:
            raise UsageError(f"--set {name}.…: must be of the plugin that is checked, {plugin.name}")
    counts: Counter[str] = Counter()
    for result in run_checks(plugin, given.get(plugin.name), data_root):
        counts[result.status] += 1
        reason = f": {result.reason}" if result.reason else ""
        console.print(f"{result.status}  {result.check}{reason}", soft_wrap=True, markup=False)
    noted = f" ({counts['note']} with a note)" if counts["note"] else ""
    passed = counts["pass"] + counts["note"]
    said = f"{passed} passed{noted}, {counts['fail']} failed, {counts['skip']} skipped"
    console.print(f"{plugin.name}: {said}", soft_wrap=True, markup=False)
    return FAILED if counts["fail"] else 0


def show_plan(grid: list[Cell], context: Context, machines: Machines) -> int:
    """Show the grid, cell by cell, and what it will cost; return the exit status."""
    torch.set_num_threads(machines.threads)
    with console.status("timing a few training steps of each method …"):
        estimator = Estimator(context)
        rows = [(cell, estimator.estimate(cell)) for cell in grid]
    show_plan_table(console, rows, machines.at_once(grid))
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
