"""The consoles that commands print to, and exit statuses."""

from rich.console import Console

from bench.commands.terminal import show_table
from bench.report.pages import Report

FAILED = 1  # exit status
SHOWN = ("accuracy", "top-k")  # tables of a group that a terminal shows; the page has all
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def show_report(written: Report, wanted: set[str] | None) -> None:
    """Show the main tables of a report, and what it had to leave out.

    Args:
        wanted: identities of runs; only groups that hold one are shown. None: all groups.
    """
    for group in written.groups:
        if wanted is None or wanted & {record.spec.identity for record in group.records}:
            names = {f"{kind}-{group.name}" for kind in SHOWN}
            for table in written.tables[group.name]:
                if table.name in names:
                    show_table(console, table)
    for problem in written.problems:
        errors.print(f"note: {problem}", soft_wrap=True, markup=False)
    if written.groups:
        console.print(f"All tables and curves: {written.folder / 'README.md'}", soft_wrap=True, markup=False)
