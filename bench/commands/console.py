"""The consoles that commands print to, and exit statuses."""

from rich.console import Console

from bench.commands.terminal import show_group
from bench.report.pages import Report

FAILED = 1  # exit status
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def show_report(written: Report, wanted: set[str] | None) -> None:
    """Show the tables of the groups that hold a wanted run, all if None, and say what was left out."""
    for group in written.groups:
        if wanted is None or wanted & {record.spec.identity for record in group.records}:
            show_group(console, group)
    for problem in written.problems:
        errors.print(f"note: {problem}", soft_wrap=True, markup=False)
    if written.groups:
        console.print(f"All tables and curves: {written.folder / 'README.md'}", soft_wrap=True, markup=False)
