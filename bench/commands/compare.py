"""`bench compare`: paired tests and intervals over stored runs."""

from pathlib import Path

from bench.commands.console import console, errors
from bench.commands.terminal import show_table


def compare(results: Path, datasets: list[str], methods: list[str], metric: str, against: str | None) -> int:
    """Compare stored runs, show and write what that says, and return the exit status.

    Raises:
        UsageError: an unknown name, or nothing to compare.
    """
    from bench.report import (
        comparison,  # and scipy.stats with it, which takes longer than the other commands' work
    )

    compared = comparison.load(results, datasets, methods, metric, against)
    for table in compared.tables(brief=True):
        show_table(console, table)
    for problem in compared.problems:
        errors.print(f"note: {problem}", soft_wrap=True, markup=False)
    page = compared.write(results / "compare")
    console.print(f"All comparisons: {page}", soft_wrap=True, markup=False)
    return 0
