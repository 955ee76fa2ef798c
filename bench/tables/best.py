"""Which cell of a column a table may set in bold: what a paired test supports, and whether it can."""

from typing import NamedTuple

import numpy as np

from bench.directions import direction
from bench.groups import Group
from bench.significance import ALPHA, holm, pairs_needed, sign_flip, smallest_p
from bench.spec import Noise
from bench.store import Record
from bench.tables.entries import entry


class Best(NamedTuple):
    """What the test says on one column."""

    noise: str
    supported: str | None  # the label that is better than each other one
    pairs: int  # seeds that the best shares with each other method, at least
    others: int

    @property
    def too_few(self) -> bool:
        """Whether no outcome could have been supported."""
        return self.others > 0 and smallest_p(self.pairs) * self.others > ALPHA


def best(group: Group, noise: Noise, metric: str) -> Best:
    """Test the best method at one noise against each other one, seed by seed."""
    values = {label: _by_seed(group.cell(label, noise), metric) for label in group.labels}
    values = {label: of for label, of in values.items() if of}
    if len(values) < 2:
        return Best(noise.label, None, 0, 0)
    sign = direction(metric).sign
    first = max(values, key=lambda label: sign * float(np.mean(list(values[label].values()))))
    gains = [_gains(values[first], of, sign) for label, of in values.items() if label != first]
    pairs = min(map(len, gains))
    adjusted = holm(np.array([sign_flip(gain) for gain in gains])) if pairs else np.ones(1)
    better = pairs > 0 and min(gain.mean() for gain in gains) > 0
    return Best(noise.label, first if better and adjusted.max() <= ALPHA else None, pairs, len(gains))


def bold_notes(bests: list[Best]) -> list[str]:
    """Return what bold means, and for which columns there are too few seeds."""
    if not any(found.others for found in bests):
        return []
    notes = [
        f"Bold: the best of its column, where paired sign-flip tests over seeds find it better than each other "
        f"method at {100 * ALPHA:g} % (Holm)."
    ]
    short = [found for found in bests if found.too_few]
    if short:
        pairs, others = max(found.pairs for found in short), max(found.others for found in short)
        where = "nothing can be bold" if len(short) == len(bests) else f"no bold at {_listed(short)}"
        notes.append(
            f"Too few seeds, {where}: with {pairs} in common the smallest possible p is {smallest_p(pairs):.2g}; "
            f"against {others} other{'s' * (others > 1)} it takes {pairs_needed(others)} seeds."
        )
    return notes


def _listed(bests: list[Best]) -> str:
    return ", ".join(found.noise for found in bests)


def _by_seed(cell: list[Record], metric: str) -> dict[tuple[int, int], float]:
    found = {(r.spec.seed, r.spec.noise.seed): entry(r.metrics, tuple(metric.split("."))) for r in cell}
    return {seed: value for seed, value in found.items() if value is not None}


def _gains(one: dict[tuple[int, int], float], other: dict[tuple[int, int], float], sign: int) -> np.ndarray:
    return np.array([sign * (one[seed] - other[seed]) for seed in one if seed in other])
