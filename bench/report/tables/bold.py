"""Bold cells: the best of a column where paired tests support it, and whether they can."""

from typing import NamedTuple

import numpy as np

from bench.evaluation.metrics import find
from bench.report.grouping import Group
from bench.report.statistics.significance import ALPHA, holm, pairs_needed, sign_flip, smallest_p
from bench.report.summaries import Seeds, by_seed
from bench.spec import Noise


class Best(NamedTuple):
    """The outcome of the tests of one column."""

    noise: str
    supported: str | None  # the label that is better than each other one
    pairs: int  # seeds that the best shares with each other method, at least
    others: int  # methods in the column beside the best
    too_few: bool  # whether no outcome of so many seeds could be supported


def best(group: Group, noise: Noise, metric: str) -> Best:
    """Test the best method at one noise against each other one, seed by seed."""
    values = {label: by_seed(group.cell(label, noise), *metric.split(".")) for label in group.current}
    values = {label: of for label, of in values.items() if of}
    if len(values) < 2:
        return Best(noise.label, None, 0, 0, too_few=False)
    sign = find(metric).sign
    first = max(values, key=lambda label: sign * float(np.mean(list(values[label].values()))))
    gains = [_gains(values[first], of, sign) for label, of in values.items() if label != first]
    reachable = all(_passes([smallest_p(len(gain)) for gain in gains]))
    better = reachable and all(gain.mean() > 0 for gain in gains) and all(_passes([*map(sign_flip, gains)]))
    return Best(noise.label, first if better else None, min(map(len, gains)), len(gains), not reachable)


def bold_notes(bests: list[Best]) -> list[str]:
    """Return what bold means, and where there are too few seeds for it."""
    told = [found for found in bests if found.others]
    short = [found for found in told if found.too_few]
    said = (
        "Bold: the best of its column, where paired sign-flip tests over seeds find it better than each other "
        f"method at {100 * ALPHA:g} % (Holm)."
    )
    return [*([said] if len(short) < len(told) else []), *([_shortage(short, len(told))] if short else [])]


def _shortage(short: list[Best], columns: int) -> str:
    """Return why some columns, or all, have no bold."""
    pairs, others = max(found.pairs for found in short), max(found.others for found in short)
    named = ", ".join(each.noise for each in short)
    where = "Nothing is bold" if len(short) == columns else f"No bold at {named}"
    return (
        f"{where}, too few seeds: with {pairs} in common p is {smallest_p(pairs):.3g} at least; to find a method "
        f"better than {others} other{'s' * (others > 1)} at {100 * ALPHA:g} % takes {pairs_needed(others)}."
    )


def _passes(p: list[float]) -> np.ndarray:
    return holm(np.array(p)) <= ALPHA


def _gains(one: dict[Seeds, float], other: dict[Seeds, float], sign: int) -> np.ndarray:
    return np.array([sign * (one[seed] - other[seed]) for seed in one if seed in other])
