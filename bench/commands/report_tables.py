"""What a terminal shows of a report."""

from bench.commands.console import console, note, say
from bench.commands.terminal import show_table
from bench.report.pages import Report

SHOWN = ("accuracy", "top-k")  # tables of a group that a terminal shows; the page has all


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
        note(problem)
    if written.groups:
        say(f"All tables and curves: {written.folder / 'README.md'}")
