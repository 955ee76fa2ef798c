"""`bench report`: rebuild tables and figures from stored runs."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.command_options import RESULTS, DataRoot, Plugins, Results, typed_for, with_options
from bench.commands.score_options import AddedScores, ScoreSettings, scoring_of
from bench.errors import UsageError
from bench.grid.pictures import Pictures
from bench.report.selection import Selection
from bench.validation import validated


@with_options(Selection, Pictures)
def report(
    scores: AddedScores = None,
    set_: ScoreSettings = None,
    results: Results = RESULTS,
    data_root: DataRoot = None,
    plugins: Plugins = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.", show_default=False)] = False,
    **typed: str | None,
) -> None:
    """Rebuild every table and picture from stored runs, without training.

    \b
    Examples:
      bench report
      bench report --results results/table1-mnist --open
      bench report --methods rul,scn,baseline --noise 0,0.3
      bench report --scores knn,energy-at --set energy-at.temperature=4
      bench report --figures images,features --top 20 --score msp
    """
    from bench.commands.console import note
    from bench.commands.report_tables import show_report
    from bench.data.data_root import find_data_root
    from bench.plugins.registry import Registry
    from bench.report.pages import write_report
    from bench.report.sample_pictures import Samples
    from bench.store.store import Store

    wanted = validated(Pictures, typed_for(Pictures, typed), "option")
    if not (store := Store(results)).exists():
        raise UsageError(f"--results {results}: there is no folder {store.root}; `bench run` makes it")
    samples = Samples(Registry(plugins or []), find_data_root(data_root))
    scoring = scoring_of(scores, set_, plugins, data_root)
    selection = validated(Selection, typed_for(Selection, typed), "option")
    written = write_report(results, samples, wanted, selection, scoring)
    show_report(written, None, [each.plugin.name for each in scoring.asked] if scoring else [])
    if not (written.groups or written.searches):
        raise UsageError(f"--results {results}: there is no finished run")
    if not written.groups:
        note("no run on the test set is finished; the tables are those of bench tune")
    elif show:
        _open(written.page)


def _open(page: Path) -> None:
    """Open a page in the browser; where there is none, the terminal has told its path."""
    import webbrowser

    from bench.commands.console import note

    try:
        is_open = webbrowser.open(page.resolve().as_uri())
    except (webbrowser.Error, OSError):
        is_open = False
    if not is_open:
        note("there is no browser to open the page in")
