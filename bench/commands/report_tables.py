"""What a terminal shows of a report."""

from collections.abc import Collection

from rich.padding import Padding
from rich.text import Text

from bench.commands.console import console, note, say
from bench.commands.terminal import show_table
from bench.escaping import printable
from bench.report import tables
from bench.report.chosen_runs import restricted
from bench.report.grouping import Group
from bench.report.pages import Report
from bench.report.table import Table
from bench.report.table_shape import with_metrics, with_scores
from bench.report.tables.own_score import answer, brief

BESIDE, METRICS = ("own", "msp"), ("auroc", "aurc")
FEW = 12  # rows of counts that leave the answer on the same screen


def show_report(written: Report, wanted: Collection[str] | None, scores: Collection[str] = ()) -> None:
    """Show accuracy and the answer to the benchmark's question, and what a report had to leave out.

    Args:
        wanted: identities of runs; only these are shown. None: all runs.
        scores: names of added scores, to show beside those of every run.
    """
    for group in written.groups:
        shown = group if wanted is None else restricted(group, lambda record: record.spec.identity in wanted)
        if shown.records:
            _show(shown, scores)
    for problem in written.problems:
        note(problem)
    if written.groups or written.searches:
        say(f"All tables and curves: {written.folder / 'README.md'}")
    if written.groups:
        say(f"To look at and to pick from: {written.page}")


def _show(group: Group, scores: Collection[str]) -> None:
    counts = tables.top_k_table(group)
    if len(counts.rows) <= FEW:
        show_table(console, counts)
    show_table(console, tables.accuracy_table(group))
    if scores:
        show_table(console, _beside_own(tables.scores_table(group), scores))
    own = tables.own_score_table(group)
    if own.rows:
        show_table(console, brief(own))
        console.print(Text("By AUROC:", style="bold"))
        for line in answer(group):
            console.print(Padding(Text(printable(line)), (0, 0, 0, 2), expand=False))
        console.print()


def _beside_own(table: Table, scores: Collection[str]) -> Table:
    """Return AUROC and AURC of added scores, of the methods' own and of max-softmax."""
    return with_metrics(with_scores(table, (*BESIDE, *scores)), METRICS)
