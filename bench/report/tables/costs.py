"""What each method costs, beside what it gains."""

from bench.report.columns import Summaries
from bench.report.grouping import Group
from bench.report.table import Table
from bench.report.tables.cell_table import ValuedColumns, cell_table, mean_cost, mean_of
from bench.report.values import PERCENT, THOUSANDTHS, Format

COLUMNS: ValuedColumns = (
    (Summaries("accuracy (%)", "accuracy", PERCENT), mean_of("accuracy")),
    (Summaries("AURC ×10³", "aurc", THOUSANDTHS), mean_of("scores", "own", "aurc")),
    (Summaries("seconds", form=Format(1)), mean_cost("seconds")),
    (Summaries("parameters (M)", "parameters", Format(2, factor=1e-6)), mean_cost("parameters")),
    (Summaries("memory (MiB)", "peak_memory_bytes", Format(0, factor=2**-20)), mean_cost("peak_memory_bytes")),
)


def costs_table(group: Group) -> Table:
    """Return seconds, parameters and memory of each method beside accuracy and AURC."""
    configured = (
        "Each method runs with what its search chose; what the search cost is not in here."
        if group.is_tuned
        else "No method was tuned: each runs with the data set's recipe and the defaults of its source, "
        "unless its row says otherwise."
    )
    notes = [
        "Seconds of a run and its peak memory, as the machines had them that ran it; AURC of the method's own "
        f"score. {configured}"
    ]
    return cell_table(group, "costs", "What methods cost and gain", COLUMNS, notes)
