"""What training made of the net and of the labels."""

from collections.abc import Callable

from bench.evaluation.metrics import OF_CLASS_COUNTS, OF_PREDICTIONS
from bench.report.columns import Counts, Summaries
from bench.report.grouping import Group
from bench.report.relabel_pairs import relabel_pairs
from bench.report.summaries import Summary, by_seed, epoch_sum, over, remaining, summarise
from bench.report.table import Row, Table
from bench.report.tables.cell_table import (
    Runs,
    ValuedColumns,
    cell_table,
    mean_cost,
    mean_of,
    metric_columns,
    values,
    without_values,
)
from bench.report.tables.shared_columns import NOISE_AND_METHOD
from bench.report.values import Format
from bench.store.record import Record

AUDIT = ("relabelled", "corrected", "broken")
ACCURACY, *OTHERS = (metric for metric in OF_PREDICTIONS if metric.name != "misclassified")
WAYS: ValuedColumns = (  # of the runs (without, with) relabelling
    (Summaries("off"), lambda ways: over(ways[0], "accuracy")),
    (Summaries("on"), lambda ways: over(ways[1], "accuracy")),
    (Summaries("on − off", "gain", Format(2, factor=100.0, signed=True)), lambda ways: summarise(gain(*ways))),
)


def quality_table(group: Group) -> Table:
    """Return accuracy, likelihood and calibration, the relabel audit and the cost."""
    return cell_table(
        group,
        "quality",
        "Likelihood, calibration, relabelling and cost",
        [
            *metric_columns([ACCURACY, *OF_CLASS_COUNTS, *OTHERS], mean_of),
            *((Counts(key), _epoch_sums(key)) for key in AUDIT),
            (Summaries("noise left", "noise_left"), lambda runs: summarise(remaining(r.epochs) for r in runs)),
            (Summaries("seconds", form=Format(1)), mean_cost("seconds")),
        ],
        [
            "Accuracies, F1, ECE, noise left in %, NLL in nats; relabelled, corrected, broken are sums over all "
            "epochs."
        ],
    )


def relabelling_table(group: Group) -> Table:
    """Return accuracy with and without relabelling, and what relabelling adds."""
    labels = group.method_labels
    rows = [
        Row([noise.label, labels[name], *values(WAYS, ways)])
        for noise in group.noises
        for name, ways in relabel_pairs(group, noise).items()
    ]
    return Table(
        f"relabelling-{group.name}",
        f"Accuracy (%) with and without relabelling: {group.title}",
        [*NOISE_AND_METHOD, *without_values(WAYS)],
        rows,
        ["on − off: mean and standard deviation of the differences between runs of the same seed."],
    )


def gain(off: list[Record], on: list[Record]) -> list[float]:
    """Return the differences in accuracy between runs of the same seed and noise seed."""
    before, after = by_seed(off, "accuracy"), by_seed(on, "accuracy")
    return [value - before[seeds] for seeds, value in after.items() if seeds in before]


def _epoch_sums(key: str) -> Callable[[Runs], Summary | None]:
    return lambda runs: summarise(epoch_sum(record.epochs, key) for record in runs)
