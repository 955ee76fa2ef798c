"""What training made of the net and of the labels."""

from bench.evaluation.metrics import OF_PREDICTIONS
from bench.report.columns import Counts, Summaries
from bench.report.grouping import Group, relabel_pairs
from bench.report.summaries import Summary, by_seed, cost_over, epoch_sum, over, remaining, summarise
from bench.report.table import Row, Table
from bench.report.tables.shared_columns import NOISE_AND_METHOD, method_labels, metric_columns
from bench.report.values import Format
from bench.store.record import Record

AUDIT = ("relabelled", "corrected", "broken")
SHOWN = [metric for metric in OF_PREDICTIONS if metric.name != "misclassified"]


def quality_table(group: Group) -> Table:
    """Return accuracy, likelihood and calibration, the relabel audit and the cost."""
    labels = method_labels(group.records)
    rows = [Row([noise.label, labels[label], *_quality(cell)]) for noise, label, cell in group.cells()]
    return Table(
        f"quality-{group.name}",
        f"Likelihood, calibration, relabelling and cost: {group.title}",
        [
            *NOISE_AND_METHOD,
            *metric_columns(SHOWN),
            *map(Counts, AUDIT),
            Summaries("noise left", "noise_left"),
            Summaries("seconds", form=Format(1)),
        ],
        rows,
        ["Accuracy, ECE, noise left in %, NLL in nats; relabelled, corrected, broken are sums over all epochs."],
    )


def relabelling_table(group: Group) -> Table:
    """Return accuracy with and without relabelling, and what relabelling adds."""
    labels = method_labels(group.records)
    rows = [
        Row(
            [
                noise.label,
                labels[name],
                *(over(cell, "accuracy") for cell in (off, on)),
                summarise(gain(off, on)),
            ]
        )
        for noise in group.noises
        for name, (off, on) in relabel_pairs(group, noise).items()
    ]
    signed = Format(2, factor=100, signed=True)
    return Table(
        f"relabelling-{group.name}",
        f"Accuracy (%) with and without relabelling: {group.title}",
        [*NOISE_AND_METHOD, Summaries("off"), Summaries("on"), Summaries("on − off", "gain", signed)],
        rows,
        ["on − off: mean and standard deviation of the differences between runs of the same seed."],
    )


def gain(off: list[Record], on: list[Record]) -> list[float]:
    """Return the differences in accuracy between runs of the same seed and noise seed."""
    before, after = by_seed(off, "accuracy"), by_seed(on, "accuracy")
    return [value - before[seeds] for seeds, value in after.items() if seeds in before]


def _quality(cell: list[Record]) -> list[Summary | None]:
    logs = [record.epochs for record in cell]
    return [
        *(over(cell, metric.name) for metric in SHOWN),
        *(summarise(epoch_sum(log, key) for log in logs) for key in AUDIT),
        summarise(map(remaining, logs)),
        cost_over(cell, "seconds"),
    ]
