"""Which way each metric is better, and whether it is shown in %."""

from typing import NamedTuple


class Direction(NamedTuple):
    """How differences of a metric are read."""

    sign: int  # 1: larger is better, −1: smaller is better
    percent: bool  # a fraction, shown in %


UP, DOWN = Direction(1, True), Direction(-1, True)
DIRECTIONS = {
    "accuracy": UP,
    "nll": Direction(-1, False),
    "brier": Direction(-1, False),
    "ece": DOWN,
    "adaptive_ece": DOWN,
    "aurc": Direction(-1, False),
    "e_aurc": Direction(-1, False),
    "augrc": Direction(-1, False),
    "auroc": UP,
    "average_precision": UP,
    "fpr95_error": DOWN,
    "fpr95_correct": DOWN,
    "accuracy_at_10_rejection": UP,
    "risk_at_80_coverage": DOWN,
    "precision_at_flips": UP,
    "misclassified": Direction(-1, False),
    "uncertain_misclassified": Direction(1, False),
    "certain_right": Direction(1, False),
    "human_uncertainty": Direction(1, False),
}


def has_direction(metric: str) -> bool:
    """Return whether a dotted name, such as `scores.own.auroc`, is that of a metric with a better side."""
    return _term(metric) in DIRECTIONS


def direction(metric: str) -> Direction:
    """Return the direction of a metric by its dotted name.

    Raises:
        KeyError: it has none.
    """
    return DIRECTIONS[_term(metric)]


def _term(metric: str) -> str:
    first, *_, last = [*metric.split("."), metric.rpartition(".")[2]]
    return first if first == "human_uncertainty" else last
