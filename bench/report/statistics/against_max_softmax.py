"""Whether a method's own score ranks errors better than max-softmax of the same checkpoints."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from bench.evaluation.metrics import find
from bench.report.grouping import Group
from bench.report.statistics.bootstrap import Interval, over_seeds
from bench.report.statistics.paired import POOLED
from bench.report.statistics.significance import ALPHA, holm, pairs_needed, sign_flip, smallest_p
from bench.report.summaries import Summary, entry, summarise
from bench.store.record import Record

METRICS = ("auroc", "aurc")
Verdict = Literal["own", "msp", "same", "open"]  # open: no test supports a difference
# Metrics of scores that both follow max-softmax differ by less: rounding swaps a few images.
SAME = 1e-6


class Against(NamedTuple):
    """Own score against max-softmax by one metric, over the runs of one method."""

    own: Summary
    msp: Summary
    difference: Summary  # own − msp, run by run
    interval: Interval | None  # 95 % bootstrap interval of the difference; None for one run
    p: float  # of the sign-flip test, after Holm's correction over the methods
    verdict: Verdict


def against_msp(group: Group, metric: str) -> dict[tuple[str, str], Against]:
    """Return the comparison by (noise, method); where there are several noises also by all pooled.

    A run without errors, or whose method has no other score than max-softmax, is no pair.
    """
    return group.once(("against_msp", metric), lambda: _against_msp(group, metric))


def _against_msp(group: Group, metric: str) -> dict[tuple[str, str], Against]:
    scopes = {noise.label: {label: group.cell(label, noise) for label in group.labels} for noise in group.noises}
    if len(scopes) > 1:
        scopes[POOLED] = {label: [r for of in scopes.values() for r in of[label]] for label in group.labels}
    return {
        (scope, label): found
        for scope, cells in scopes.items()
        for label, found in _tested({label: _pairs(cell, metric) for label, cell in cells.items()}, metric).items()
    }


def shortage(found: Iterable[Against]) -> str:
    """Return why no test could support anything, and how many runs it takes; empty if one could."""
    tested = [each for each in found if each.verdict != "same"]
    most = max((each.difference.n for each in tested), default=0)
    if not tested or smallest_p(most) * len(tested) <= ALPHA:
        return ""
    return (
        f"Too few runs for a test: with {most} p is {smallest_p(most):.3g} at least; "
        f"{len(tested)} method{'s' if len(tested) > 1 else ''}: it takes {pairs_needed(len(tested))} of each."
    )


def _pairs(cell: list[Record], metric: str) -> list[tuple[float, float]]:
    """Return the metric of both scores for each run that has both."""
    both = [[entry(record, "scores", score, metric) for score in ("own", "msp")] for record in cell]
    return [(own, msp) for own, msp in both if own is not None and msp is not None]


def _tested(pairs: dict[str, list[tuple[float, float]]], metric: str) -> dict[str, Against]:
    known = {label: np.array(each) for label, each in pairs.items() if each}
    gaps = {label: values[:, 0] - values[:, 1] for label, values in known.items()}
    distinct = [label for label, gap in gaps.items() if np.abs(gap).max() > SAME]
    p = dict(zip(distinct, holm(np.array([sign_flip(gaps[label]) for label in distinct])), strict=True))
    return {
        label: Against(
            *_means(values),
            over_seeds(gaps[label]),
            float(p.get(label, 1.0)),
            _verdict(gaps[label], p.get(label), metric),
        )
        for label, values in known.items()
    }


def _means(values: np.ndarray) -> tuple[Summary, Summary, Summary]:
    own, msp, gap = (summarise(each) for each in (values[:, 0], values[:, 1], values[:, 0] - values[:, 1]))
    assert own is not None
    assert msp is not None
    assert gap is not None
    return own, msp, gap


def _verdict(gap: np.ndarray, p: float | None, metric: str) -> Verdict:
    if p is None:
        return "same"
    if p > ALPHA:
        return "open"
    return "own" if find(f"scores.own.{metric}").sign * gap.mean() > 0 else "msp"
