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
Pairs = list[tuple[float, float] | None]  # metric of the own score and of max-softmax, by run
Verdict = Literal["own", "msp", "same", "open"]  # open: no test supports a difference
SAME = 1e-6  # metrics of two forms of max-softmax differ by less: rounding swaps a few of 10,000s of images


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


def _pairs(cell: list[Record], metric: str) -> Pairs:
    """Return the metric of both scores for each run, None for one that lacks it."""
    both = [[entry(record, "scores", score, metric) for score in ("own", "msp")] for record in cell]
    return [None if own is None or msp is None else (own, msp) for own, msp in both]


def _tested(pairs: dict[str, Pairs], metric: str) -> dict[str, Against]:
    defined = {label: [pair for pair in each if pair] for label, each in pairs.items()}
    known = {label: np.array(each) for label, each in defined.items() if each}
    gaps = {label: values[:, 0] - values[:, 1] for label, values in known.items()}
    distinct = [label for label, gap in gaps.items() if np.abs(gap).max() > SAME]
    p = dict(zip(distinct, holm(np.array([sign_flip(gaps[label]) for label in distinct])), strict=True))
    return {
        label: Against(
            *_means(values, pairs[label].count(None)),
            over_seeds(gaps[label]),
            float(p.get(label, 1.0)),
            _verdict(gaps[label], p.get(label), metric),
        )
        for label, values in known.items()
    }


def _means(values: np.ndarray, undefined: int) -> tuple[Summary, Summary, Summary]:
    own, msp, gap = (summarise(each) for each in (values[:, 0], values[:, 1], values[:, 0] - values[:, 1]))
    assert own is not None
    assert msp is not None
    assert gap is not None
    return own, msp, gap._replace(undefined=undefined)


def _verdict(gap: np.ndarray, p: float | None, metric: str) -> Verdict:
    if p is None:
        return "same"
    if p > ALPHA:
        return "open"
    return "own" if find(f"scores.own.{metric}").sign * gap.mean() > 0 else "msp"
