"""Area, slope and crossings of accuracy over label noise; all fractions of 1, rates ascending."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float

Axis = Float[np.ndarray, " rates"]


def area(rates: Axis, accuracy: Axis) -> float:
    """Return the mean accuracy over the range of rates: area of the trapezoids by width."""
    return float(np.trapezoid(accuracy, rates) / (rates[-1] - rates[0]))


def slope(rates: Axis, accuracy: Axis) -> float:
    """Return the least-squares slope of accuracy over noise.

    Both are fractions; 10 times the slope is points of accuracy (%) per 10 % of noise.
    """
    centred = rates - rates.mean()
    return float(centred @ accuracy / (centred @ centred))


def crossings(rates: Axis, one: Axis, other: Axis) -> list[float]:
    """Return the rates at which two curves cross, linear between the measured rates.

    Curves that only touch, or that are equal at an end, do not cross there.
    """
    gap = one - other
    apart = np.flatnonzero(gap)
    pairs = [(i, j) for i, j in pairwise(apart) if gap[i] * gap[j] < 0]
    return [_zero(rates[i : j + 1], gap[i : j + 1]) for i, j in pairs]


def _zero(rates: Axis, gap: Axis) -> float:
    """Return where a gap that changes sign is 0; the middle of a stretch where it stays 0."""
    if len(gap) > 2:
        return float(rates[1:-1].mean())
    return float(rates[0] + (rates[1] - rates[0]) * gap[0] / (gap[0] - gap[1]))
