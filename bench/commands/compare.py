"""`bench compare`: paired tests and intervals over stored runs."""

from typing import Annotated

import typer

from bench.commands.command_options import RESULTS, DataRoot, Plugins, Results, typed_for, with_options
from bench.commands.score_options import AddedScores, ScoreSettings, scoring_of
from bench.report.selection import Selection
from bench.validation import validated


@with_options(Selection)
def compare(
    metric: Annotated[str, typer.Option(help="A metric, such as scores.own.auroc.", metavar="NAME")] = "accuracy",
    against: Annotated[
        str | None,
        typer.Option(help="The method to compare every other with; every pair if not given.", metavar="NAME"),
    ] = None,
    scores: AddedScores = None,
    set_: ScoreSettings = None,
    results: Results = RESULTS,
    data_root: DataRoot = None,
    plugins: Plugins = None,
    **typed: str | None,
) -> None:
    """Test the differences between methods, on runs of the same noise and seed, without training.

    \b
    Examples:
      bench compare --against baseline
      bench compare --datasets mnist --methods rul,scn --metric scores.own.auroc
      bench compare --scores feature-norm --metric scores.feature-norm.auroc
    """
    from bench.commands.console import console, note, say
    from bench.commands.terminal import show_table
    from bench.report import comparison

    selection = validated(Selection, typed_for(Selection, typed), "option")
    scoring = scoring_of(scores, set_, plugins, data_root)
    compared = comparison.load(results, selection, metric, against, scoring)
    for table in compared.tables(brief=True):
        show_table(console, table)
    for problem in compared.problems:
        note(problem)
    page = compared.write(results / "compare")
    say(f"All comparisons: {page}")
