"""What training made of the net and of the labels."""

from bench.report.grouping import Group, relabel_pairs
from bench.report.summaries import epoch_sum, over, remaining, summarise
from bench.report.table import Table, count, formatted, percent
from bench.store.record import Record

AUDIT = ("relabelled", "corrected", "broken")


def quality(group: Group) -> Table:
    """Return accuracy, likelihood and calibration of the softmax, the relabel audit and the cost."""
    rows = [
        [
            noise.label,
            label,
            percent(over(cell, "accuracy")),
            *(formatted(over(cell, key), "{:.4f}".format) for key in ("nll", "brier")),
            *(percent(over(cell, key)) for key in ("ece", "adaptive_ece")),
            *(count(summarise(epoch_sum(log, key) for log in logs)) for key in AUDIT),
            percent(summarise(map(remaining, logs))),
            formatted(summarise(record.cost.seconds for record in cell), "{:.1f}".format),
        ]
        for noise, label, cell in group.cells()
        for logs in [[record.epochs for record in cell]]
    ]
    return Table(
        f"quality-{group.name}",
        f"Likelihood, calibration, relabelling and cost: {group.title}",
        ["noise", "method", "accuracy", "NLL", "Brier", "ECE", "adaptive ECE", *AUDIT, "noise left", "seconds"],
        rows,
        ["Accuracy, ECE, noise left in %, NLL in nats; relabelled, corrected, broken are sums over all epochs."],
    )


def relabelling(group: Group) -> Table:
    """Return the accuracy of every method that was run with and without relabelling, and what relabelling adds."""
    rows = [
        [noise.label, name, *(percent(over(cell, "accuracy")) for cell in (off, on)), _signed(gain(off, on))]
        for noise in group.noises
        for name, (off, on) in relabel_pairs(group, noise).items()
    ]
    return Table(
        f"relabelling-{group.name}",
        f"Accuracy (%) with and without relabelling: {group.title}",
        ["noise", "method", "off", "on", "on − off"],
        rows,
        ["on − off: mean and standard deviation of the differences between runs of the same seed."],
    )


def gain(off: list[Record], on: list[Record]) -> list[float]:
    """Return the differences in accuracy between runs of the same seed and noise seed."""
    before = {(r.spec.seed, r.spec.noise.seed): r.metrics.accuracy for r in off}
    return [r.metrics.accuracy - before[key] for r in on if (key := (r.spec.seed, r.spec.noise.seed)) in before]


def _signed(differences: list[float]) -> str:
    said = percent(summarise(differences))
    return said.replace("-", "−") if said.startswith(("-", "–")) else f"+{said}"
