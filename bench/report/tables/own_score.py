"""The question of the benchmark: does a method's own score rank errors better than max-softmax?"""

from collections.abc import Iterable
from dataclasses import replace

from bench.evaluation.metrics import OF_SCORES
from bench.report.columns import Column, Numbers, Probabilities, Summaries, Texts, of_some
from bench.report.grouping import Group
from bench.report.statistics.against_max_softmax import METRICS, Against, Verdict, against_msp, shortage
from bench.report.statistics.paired import POOLED
from bench.report.summaries import Summary
from bench.report.table import Row, Table
from bench.report.tables.shared_columns import NOISE_AND_METHOD
from bench.report.values import FORMATS, Published

TITLE = "Own score against max-softmax"
GAP = "own−msp"
WORDS: dict[Verdict, str] = {
    "own": "the own score is better",
    "msp": "max-softmax is better",
    "open": "no test supports a difference",
    "same": "the own score orders the images as max-softmax does",
}


def own_score_table(group: Group) -> Table:
    """Return AUROC and AURC of own score and max-softmax, their difference and what a test says."""
    found = {metric: against_msp(group, metric) for metric in METRICS}
    labels = group.method_labels
    keys = list(dict.fromkeys(key for of in found.values() for key in of))
    rows = [
        Row([noise, labels[label], *_cells(found[metric].get((noise, label)) for metric in METRICS)])
        for noise, label in keys
    ]
    columns = [*NOISE_AND_METHOD, *(column for metric in METRICS for column in _columns(metric))]
    gaps = [place for place, column in enumerate(columns) if column.heading == GAP]
    bold = {
        (i, gap)
        for i, key in enumerate(keys)
        for metric, gap in zip(METRICS, gaps, strict=True)
        if key in found[metric] and found[metric][key].verdict in ("own", "msp")
    }
    return Table(
        f"own-score-{group.name}", f"{TITLE}: {group.title}", columns, rows, _notes(group, found["auroc"]),
        frozenset(bold),
    )  # fmt: skip


def brief(table: Table) -> Table:
    """Return a row for each method, of all noises pooled, without p and deviations.

    It is what a screen takes: a table of one noise has its rows, but no column of noise.
    """
    pooled = [place for place, row in enumerate(table.rows) if row.cells[0] == POOLED]
    rows = pooled or range(len(table.rows))
    kept = [place for place, column in enumerate(table.columns) if place and column.heading != "p"]
    bold = {(i, j) for i, row in enumerate(rows) for j, place in enumerate(kept) if (row, place) in table.bold}
    return replace(
        table,
        columns=[_mean_alone(table.columns[place]) for place in kept],
        rows=[Row([table.rows[row].cells[place] for place in kept]) for row in rows],
        bold=frozenset(bold),
    )


def answer(group: Group) -> list[str]:
    """Return what the tests of AUROC say of each method, a line for each outcome."""
    found = against_msp(group, "auroc")
    scope = scope_of(group)
    lines = []
    for verdict, words in WORDS.items():
        names = [
            group.shown(label) for (at, label), each in found.items() if (at, each.verdict) == (scope, verdict)
        ]
        lines += [f"{words}: {', '.join(names)}"] if names else []
    return lines


def scope_of(group: Group) -> str:
    """Return the scope that the answer is of: all noises pooled, or the only one."""
    return POOLED if len(group.noises) > 1 else group.noises[0].label


def _cells(found: Iterable[Against | None]) -> list[object]:
    cells: list[object] = []
    for each in found:
        cells += 5 * [None] if each is None else [
            each.own.mean, each.msp.mean, each.difference, each.p if each.verdict != "same" else None,
            each.verdict,
        ]  # fmt: skip
    return cells


def _columns(metric: str) -> list[Column]:
    (about,) = (each for each in OF_SCORES if each.name == metric)
    form = FORMATS[about.scale]
    return [
        Numbers(f"{about.heading}: own", f"{metric}_own", form),
        Numbers("msp", f"{metric}_msp", form),
        Summaries(GAP, f"{metric}_difference", replace(form, signed=True, signed_zero=False)),
        Probabilities("p", f"{metric}_p_holm"),
        Texts("better", f"{metric}_better"),
    ]


def _mean_alone(column: Column) -> Column:
    return _Mean(column.heading, column.name, column.form) if isinstance(column, Summaries) else column


class _Mean(Summaries):
    """A column of summaries that shows their means, as there is little room."""

    def _text(self, cell: Summary | Published) -> str:
        assert isinstance(cell, Summary)
        return f"{self.form.text(cell.mean)}{of_some(cell)}"


def _notes(group: Group, found: dict[tuple[str, str], Against]) -> list[str]:
    scope = scope_of(group)
    few = shortage(each for (at, _), each in found.items() if at == scope)
    pooled = f" {POOLED}: the runs of all noises." if len(group.noises) > 1 else ""
    return [
        "Which score ranks errors better? Own: the method's own; msp: 1 − max softmax of the same checkpoint. "
        "AUROC (%) is better when higher, AURC (×10³) when lower. Better: what a paired sign-flip "
        "test over runs supports at 5 %, after Holm's correction over the methods (p, bold); open: nothing; same: "
        f"both order the images alike.{pooled}",
        *([few] if few else []),
    ]
