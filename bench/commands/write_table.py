"""`bench table`: one table of stored runs, for a paper or on the terminal."""

from typing import Annotated

import typer

from bench.commands.command_options import RESULTS, DataRoot, Output, Plugins, Results, typed_for, with_options
from bench.commands.score_options import ScoreSettings, scoring_of
from bench.report.selection import Selection
from bench.validation import validated

SHAPE = "What the table shows"
ENDINGS = (".tex", ".md", ".csv", ".html")
Metric = Annotated[
    str | None,
    typer.Option(
        help="Columns to show; for accuracy, comparison and ranks, the metric, such as scores.own.auroc.",
        metavar="NAME,…",
        rich_help_panel=SHAPE,
    ),
]
Scores = Annotated[
    str | None,
    typer.Option(
        help="Scores whose rows to show, such as own,msp; post-hoc ones, such as knn, too.",
        metavar="NAME,…",
        rich_help_panel=SHAPE,
    ),
]
Against = Annotated[
    str | None,
    typer.Option(help="The method to compare every other with.", metavar="NAME", rich_help_panel=SHAPE),
]
Transpose = Annotated[bool, typer.Option("--transpose", help="Methods become columns.", rich_help_panel=SHAPE)]
Wide = Annotated[
    bool, typer.Option("--wide", help="In LaTeX, use both columns even if one does.", rich_help_panel=SHAPE)
]


@with_options(Selection)
def table(
    name: Annotated[str, typer.Argument(help="A table's name, as `bench list tables` shows it.")],
    metric: Metric = None,
    scores: Scores = None,
    against: Against = None,
    transpose: Transpose = False,
    wide: Wide = False,
    output: Output = None,
    set_: ScoreSettings = None,
    results: Results = RESULTS,
    data_root: DataRoot = None,
    plugins: Plugins = None,
    **typed: str | None,
) -> None:
    """Show one table of stored runs, or write it for a paper: LaTeX, Markdown, CSV or HTML.

    \b
    Examples:
      bench table accuracy --methods rul,scn,baseline
      bench table accuracy --metric scores.own.auroc -o auroc.tex
      bench table scores --noise 0.3 --scores own,msp --metric auroc -o scores.tex
      bench table comparison --against baseline -o tests.tex
    """
    from bench.commands.console import console, note, say
    from bench.commands.terminal import show_table
    from bench.files.atomic import replace_file
    from bench.report import output_file, paper_tables

    scoring = scoring_of(scores, set_, plugins, data_root)
    selection = validated(Selection, typed_for(Selection, typed), "option")
    asked = {"metric": metric, "scores": scores, "against": against, "transpose": transpose}
    given = {key: value for key, value in asked.items() if value is not None}
    shape = validated(paper_tables.Shape, given, "option")
    if output is None:
        made, problems = paper_tables.tables_of(name, results, selection, shape, scoring)
        for each in made:
            show_table(console, each)
    else:
        output_file.check(output, ENDINGS)
        one, problems = paper_tables.one_table(name, results, selection, shape, scoring)
        text, remarks = paper_tables.rendered(one, output.suffix, wide=wide)
        with replace_file(output) as file:
            file.write(text.encode())
        say(f"{output}: {one.title}")
        problems = [*problems, *remarks]
    for problem in problems:
        note(problem)
