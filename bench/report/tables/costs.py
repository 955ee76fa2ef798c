"""What each method costs, beside what it gains."""

from bench.report.columns import Summaries
from bench.report.grouping import Group
from bench.report.summaries import cost_over, over
from bench.report.table import Row, Table
from bench.report.tables.shared_columns import NOISE_AND_METHOD, method_labels
from bench.report.values import PERCENT, THOUSANDTHS, Format

COLUMNS = (
    *NOISE_AND_METHOD,
    Summaries("accuracy (%)", "accuracy", PERCENT),
    Summaries("AURC ×10³", "aurc", THOUSANDTHS),
    Summaries("seconds", form=Format(1)),
    Summaries("parameters (M)", "parameters", Format(2, divisor=1e6)),
    Summaries("memory (MiB)", "peak_memory_bytes", Format(0, divisor=2**20)),
)


def costs_table(group: Group) -> Table:
    """Return seconds, parameters and memory of each method beside accuracy and AURC."""
    labels = method_labels(group.records)
    rows = [
        Row(
            [
                noise.label,
                labels[label],
                over(cell, "accuracy"),
                over(cell, "scores", "own", "aurc"),
                *(cost_over(cell, key) for key in ("seconds", "parameters", "peak_memory_bytes")),
            ]
        )
        for noise, label, cell in group.cells()
    ]
    return Table(
        f"costs-{group.name}",
        f"What methods cost and gain: {group.title}",
        COLUMNS,
        rows,
        [
            "Seconds of a run and its peak memory, as the machines had them that ran it; AURC of the "
            "method's own score. No method was tuned: each runs with the data set's recipe and the "
            "defaults of its source, unless its row says otherwise."
        ],
    )
