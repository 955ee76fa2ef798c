"""Statistics over seeds."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Summary(NamedTuple):
    """Mean and sample standard deviation over n runs; the deviation of one run is None."""

    mean: float
    std: float | None
    n: int


def summarise(values: Iterable[float | None]) -> Summary | None:
    """Return the summary of the values that are defined, or None if there are none."""
    defined = np.array([value for value in values if value is not None], dtype=float)
    if not len(defined):
        return None
    std = float(defined.std(ddof=1)) if len(defined) > 1 else None
    return Summary(float(defined.mean()), std, len(defined))
