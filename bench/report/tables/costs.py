"""What each method costs, beside what it gains."""

from collections.abc import Iterable

from bench.report.grouping import Group
from bench.report.summaries import Summary, over, summarise
from bench.report.table import Table, formatted, percent
from bench.store.record import Record

MEBI = 2**20


def costs(group: Group) -> Table:
    """Return seconds, parameters and memory of each method, beside its accuracy and the AURC of its own score."""
    rows = [
        [
            noise.label,
            label,
            percent(over(cell, "accuracy")),
            formatted(over(cell, "scores", "own", "aurc"), lambda value: f"{1e3 * value:.2f}"),
            formatted(_over(cell, "seconds"), "{:.1f}".format),
            formatted(_over(cell, "parameters"), lambda value: f"{value / 1e6:.2f}"),
            formatted(_over(cell, "peak_memory_bytes"), lambda value: f"{value / MEBI:.0f}"),
        ]
        for noise, label, cell in group.cells()
    ]
    return Table(
        f"costs-{group.name}",
        f"What methods cost and gain: {group.title}",
        ["noise", "method", "accuracy (%)", "AURC ×10³", "seconds", "parameters (M)", "memory (MiB)"],
        rows,
        [
            "Seconds of a run and its peak memory, as the machines had them that ran it; AURC of the method's own "
            "score. No method was tuned: each runs with the data set's recipe and the defaults of its source, "
            "unless its row says otherwise."
        ],
    )


def _over(cell: Iterable[Record], key: str) -> Summary | None:
    return summarise(record.cost.get(key) for record in cell)
