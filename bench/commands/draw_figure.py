"""`bench figure`: one figure of stored runs, for a paper."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.command_options import RESULTS, DataRoot, Output, Plugins, Results, typed_for, with_options
from bench.commands.score_options import AddedScores, ScoreSettings, scoring_of
from bench.errors import UsageError
from bench.grid.pictures import Pictures
from bench.options import split_list
from bench.report.selection import Selection
from bench.validation import validated

LOOK = "How the figure looks"
Metric = Annotated[
    str | None,
    typer.Option(
        help="What to show: a metric (accuracy, critical-difference), or columns of the log (training).",
        metavar="NAME,…",
        rich_help_panel=LOOK,
    ),
]
Width = Annotated[
    str, typer.Option(help="column (3.3 in), page (6.9 in), or inches.", metavar="WIDTH", rich_help_panel=LOOK)
]
Title = Annotated[bool, typer.Option("--title", help="Put a title over the figure.", rich_help_panel=LOOK)]
Certain = Annotated[
    bool,
    typer.Option("--certain", help="Images: the most certain ones, not the most uncertain.", rich_help_panel=LOOK),
]
Top = Annotated[
    str | None,
    typer.Option(help="Images: how many; up to 1000; if not given a tenth of the test set, or 100.", metavar="N",
                 rich_help_panel=LOOK),
]  # fmt: skip
Score = Annotated[
    str | None,
    typer.Option(help="Images, features and histograms: the score, such as msp; own if not given.", metavar="NAME",
                 rich_help_panel=LOOK),
]  # fmt: skip


@with_options(Selection)
def figure(
    kind: Annotated[str, typer.Argument(help="A kind of figure, as `bench list figures` shows it.")],
    output: Output = None,
    width: Width = "column",
    title: Title = False,
    metric: Metric = None,
    score: Score = None,
    top: Top = None,
    certain: Certain = False,
    scores: AddedScores = None,
    set_: ScoreSettings = None,
    results: Results = RESULTS,
    data_root: DataRoot = None,
    plugins: Plugins = None,
    **typed: str | None,
) -> None:
    """Draw one figure of stored runs, sized and typeset for a paper: PDF, SVG or PNG.

    Without -o the file is KIND.pdf.

    \b
    Examples:
      bench figure rejection --methods rul,scn,baseline --noise 0.3 -o fig.pdf
      bench figure accuracy --metric scores.own.auroc --width page -o auroc.pdf
      bench figure images --methods rul --noise 0.3 --top 12 -o uncertain.png
    """
    from bench.commands.console import note, say
    from bench.data.data_root import find_data_root
    from bench.plugins.registry import Registry
    from bench.report import output_file, paper_figures
    from bench.report.figures.save import ENDINGS, save_for_paper
    from bench.report.figures.sheet import Sheet
    from bench.report.sample_pictures import Samples

    names = split_list(metric) if metric else []
    paper_figures.check_kind(kind, names)
    path = output or Path(f"{kind}.pdf")
    output_file.check(path, ENDINGS)
    sheet = Sheet(paper_figures.width_of(width), title)
    if any(not name for name in names):
        raise UsageError(f"--metric {metric}: a place in the list is empty")
    asked = {"score": score, "top": top}
    wanted = validated(Pictures, {key: value for key, value in asked.items() if value is not None}, "option")
    selection = validated(Selection, typed_for(Selection, typed), "option")
    samples = Samples(Registry(plugins or []), find_data_root(data_root))
    scoring = scoring_of(scores, set_, plugins, data_root)
    picture, problems = paper_figures.picture_of(
        kind, results, selection, samples, wanted, names, certain=certain, scoring=scoring
    )
    save_for_paper(picture, path, sheet)
    say(f"{path}: {picture.caption}")
    for problem in problems:
        note(problem)
