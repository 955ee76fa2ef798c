"""What the commands do that read stored runs alone: without torch, unless to compute metrics or draw samples."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import status, transfer
from bench.data_root import find_data_root
from bench.errors import UsageError
from bench.registry import Registry
from bench.report import Report, write_report
from bench.samples import Samples
from bench.spec import Pictures, validated
from bench.store import Store
from bench.terminal import show_group, show_status_table, show_table

FAILED = 1  # exit status
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def make_samples(data_root: Path | None, plugins: Iterable[Path]) -> Samples:
    """Return where pictures find the samples of stored runs."""
    return Samples(Registry(plugins), find_data_root(data_root))


def report(results: Path, samples: Samples, pictures: dict[str, Any]) -> int:
    """Rebuild the report, with the pictures asked for, and show its main tables.

    Raises:
        UsageError: there is no such folder, or no run in it, or a picture is asked for that there is not.
    """
    wanted = validated(Pictures, pictures, "option")
    if not (results / "runs").is_dir():
        raise UsageError(f"--results {results}: there is no folder {results / 'runs'}; `bench run` makes it")
    written = write_report(results, samples, wanted)
    show_report(written, None)
    if not written.groups:
        raise UsageError(f"--results {results}: there is no finished run")
    return 0


def compare(results: Path, datasets: list[str], methods: list[str], metric: str, against: str | None) -> int:
    """Compare stored runs, show and write what that says, and return the exit status.

    Raises:
        UsageError: an unknown name, or nothing to compare.
    """
    from bench import comparison  # and scipy.stats with it, which takes longer than the other commands' work

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


def show_report(written: Report, wanted: set[str] | None) -> None:
    """Show the tables of the groups that hold a wanted run, all if None, and say what was left out."""
    for group in written.groups:
        if wanted is None or wanted & {record.spec.identity for record in group.records}:
            show_group(console, group)
    for problem in written.problems:
        errors.print(f"note: {problem}", soft_wrap=True, markup=False)
    if written.groups:
        console.print(f"All tables and curves: {written.folder / 'README.md'}", soft_wrap=True, markup=False)
