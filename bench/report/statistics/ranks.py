"""Friedman's test of ranks and Nemenyi's critical difference (Demšar, JMLR 2006)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from bench.report.statistics.significance import ALPHA
from bench.report.values import MethodLabel

Label = MethodLabel | str


class Ranks(NamedTuple):
    """Methods ranked over blocks, rank 1 the best."""

    labels: list[Label]  # the best first
    means: Float[np.ndarray, " methods"]  # mean ranks, in that order
    blocks: int
    p: float  # of Friedman's test that all are alike
    critical: float  # mean ranks that differ by more differ at 5 %

    def cliques(self) -> list[tuple[int, int]]:
        """Return the first and last place of each longest row of methods that do not differ."""
        last = [int(np.flatnonzero(self.means - mean <= self.critical)[-1]) for mean in self.means]
        return [(i, j) for i, j in enumerate(last) if j > i and (i == 0 or last[i - 1] < j)]


def friedman(labels: Sequence[Label], values: Float[np.ndarray, "blocks methods"]) -> Ranks:
    """Rank three methods or more in each block and test whether their mean ranks differ.

    Larger values are better; ties share a rank.
    """
    means = rankdata(-values, axis=1).mean(axis=0)
    order = np.argsort(means, kind="stable")
    tied = bool((values == values[:, :1]).all())
    p = 1.0 if tied else float(friedmanchisquare(*values.T).pvalue)
    critical = critical_difference(len(labels), len(values))
    return Ranks([labels[i] for i in order], means[order], len(values), p, critical)


def critical_value(methods: int, alpha: float = ALPHA) -> float:
    """Return q_α: the studentized range's quantile for infinite degrees of freedom, over √2."""
    return float(studentized_range.ppf(1 - alpha, methods, np.inf) / np.sqrt(2))


def critical_difference(methods: int, blocks: int, alpha: float = ALPHA) -> float:
    """Return Nemenyi's critical difference of the mean ranks of k methods over N blocks.

    It is q_α √(k(k + 1) / (6N)).
    """
    return critical_value(methods, alpha) * float(np.sqrt(methods * (methods + 1) / (6 * blocks)))
