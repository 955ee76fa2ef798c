"""`bench compare`: paired tests and intervals over stored runs."""

from typing import Annotated

import typer

from bench.commands.command_options import RESULTS, Results, typed_for, with_options
from bench.report.selection import Selection
from bench.spec import validated


@with_options(Selection)
def compare(
    metric: Annotated[str, typer.Option(help="A metric, such as scores.own.auroc.", metavar="NAME")] = "accuracy",
    against: Annotated[
        str | None,
        typer.Option(help="The method to compare every other with; every pair if not given.", metavar="NAME"),
    ] = None,
    results: Results = RESULTS,
    **typed: str | None,
) -> None:
    """Test the differences between methods, on runs of the same noise and seed, without training.

    \b
    Examples:
      bench compare --against baseline
      bench compare --datasets mnist --methods rul,scn --metric scores.own.auroc
    """
    from bench.commands.console import console, note, say
    from bench.commands.terminal import show_table
    from bench.report import comparison

    selection = validated(Selection, typed_for(Selection, typed), "option")
    compared = comparison.load(results, selection, metric, against)
    for table in compared.tables(brief=True):
        show_table(console, table)
    for problem in compared.problems:
        note(problem)
    page = compared.write(results / "compare")
    say(f"All comparisons: {page}")
