"""Differences between methods over pairs of runs of the same data set, noise and seed."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from bench.evaluation.calibration import Classified
from bench.evaluation.metrics import find
from bench.report.grouping import Group
from bench.report.setting import evaluated_on
from bench.report.statistics.bootstrap import Interval, over_samples, over_seeds, over_seeds_and_samples
from bench.report.statistics.ranks import Ranks, friedman
from bench.report.statistics.significance import holm, sign_flip
from bench.report.summaries import entry
from bench.store.prediction_files import read_predictions
from bench.store.record import Record

Key = tuple[str, int, int]  # noise, its seed, seed
Runs = dict[str, dict[Key, Record]]  # by label
Replicates = dict[str, Float[np.ndarray, " replicates"]]  # by the run's identity
POOLED = "pooled"
Resampled = Literal["seeds and samples", "samples", "seeds", ""]  # by a bootstrap; "": nothing was


class Contrast(NamedTuple):
    """One method minus another over pairs of runs, at one noise or all; in the metric's unit."""

    dataset: str
    noise: str
    method: str
    against: str
    metric: str
    pairs: int
    unmatched: int  # runs that have no partner
    difference: float
    low: float | None  # 95 % bootstrap interval
    high: float | None
    interval: Resampled
    p: float
    p_holm: float  # within the data set's setting and the noise


def contrasts(group: Group, metric: str, against: str | None) -> list[Contrast]:
    """Return the differences of all pairs of methods, or of each with one, by noise and pooled.

    Rows of older protocols and versions take part only as the one that each is compared with.
    """
    rows = [label for label in group.labels if label in group.current or label == against]
    runs = _runs_by_label(group, metric, rows)
    replicates = _replicates(runs, metric)
    scopes = [noise.label for noise in group.noises]
    found = []
    for scope in [*scopes, *([POOLED] if len(scopes) > 1 else [])]:
        inside = {label: _inside(of, scope) for label, of in runs.items()}
        family = [
            _contrast(group.dataset, scope, (one, other), inside, metric, replicates)
            for one, other in _pairs(list(runs), against)
            if inside[one].keys() & inside[other].keys()
        ]
        adjusted = holm(np.array([each.p for each in family]))
        found += [each._replace(p_holm=float(p)) for each, p in zip(family, adjusted, strict=True)]
    return found


def _runs_by_label(group: Group, metric: str, rows: list[str]) -> Runs:
    """Return the rows' runs that have a value of the metric, by label, then by noise and seeds."""
    runs: Runs = {label: {} for label in rows}
    columns = {noise.point: noise.label for noise in group.noises}
    for record in group.records:
        if record.spec.label in runs and _value(record, metric) is not None:
            noise = record.spec.noise
            runs[record.spec.label][columns[noise.point], noise.seed, record.spec.seed] = record
    return {label: of for label, of in runs.items() if of}


def ranks(groups: list[Group], metric: str) -> tuple[Ranks | None, int]:
    """Rank three or more methods over the blocks (data set, noise, seed) that all of them have.

    Settings of one data set share noise and images, so they are no blocks of their own: a method's
    value is its mean over those that have all methods. Rows of older protocols and versions are not
    ranked.

    Returns:
        The ranks, None without three methods or a block; and how many combinations of setting,
        noise and seed lack a method.
    """
    blocks: dict[tuple[str, Key], list[dict[str, float]]] = {}
    sign = find(metric).sign
    for group in groups:
        images, rows = repr(evaluated_on(group.records[0].spec)), dict[Key, dict[str, float]]()
        for label, of in _runs_by_label(group, metric, group.current).items():
            for key, record in of.items():
                rows.setdefault(key, {})[label] = sign * _value(record, metric)
        for key, row in rows.items():
            blocks.setdefault((images, key), []).append(row)
    labels = list(dict.fromkeys(label for block in blocks.values() for row in block for label in row))
    whole = [
        np.mean(full, axis=0)
        for block in blocks.values()
        if (full := [[row[label] for label in labels] for row in block if len(row) == len(labels)])
    ]
    names = {label: name for group in groups for label, name in group.method_labels.items()}
    enough = whole and len(labels) > 2
    ranked = friedman([names[label] for label in labels], np.array(whole)) if enough else None
    return ranked, sum(len(row) < len(labels) for block in blocks.values() for row in block)


def _pairs(labels: list[str], against: str | None) -> Iterator[tuple[str, str]]:
    if against is None:
        yield from combinations(labels, 2)
    elif against in labels:
        yield from ((label, against) for label in labels if label != against)


def _inside(runs: dict[Key, Record], scope: str) -> dict[Key, Record]:
    return {key: record for key, record in runs.items() if scope in (POOLED, key[0])}


def _contrast(
    dataset: str, scope: str, names: tuple[str, str], runs: Runs, metric: str, replicates: Replicates
) -> Contrast:
    one, other = (runs[name] for name in names)
    matched = sorted(one.keys() & other.keys())
    unmatched = len(one.keys() ^ other.keys())
    pairs = [(one[key], other[key]) for key in matched]
    differences = np.array([_value(a, metric) - _value(b, metric) for a, b in pairs])
    interval, drawn = _interval(pairs, differences, replicates)
    low, high = interval or (None, None)
    p = sign_flip(differences)
    mean = float(differences.mean())
    return Contrast(dataset, scope, *names, metric, len(pairs), unmatched, mean, low, high, drawn, p, p)


def _interval(
    pairs: list[tuple[Record, Record]], differences: Float[np.ndarray, " pairs"], replicates: Replicates
) -> tuple[Interval | None, Resampled]:
    """Return the bootstrap interval and what was resampled: samples, too, if all runs have them."""
    if all(record.spec.identity in replicates for pair in pairs for record in pair):
        drawn = np.stack([replicates[a.spec.identity] - replicates[b.spec.identity] for a, b in pairs])
        return over_seeds_and_samples(drawn), "seeds and samples" if len(pairs) > 1 else "samples"
    interval = over_seeds(differences)
    return interval, "seeds" if interval else ""


def _replicates(runs: Runs, metric: str) -> Replicates:
    """Return the metric of each run over resampled test samples; none if test sets differ."""
    records = [record for of in runs.values() for record in of.values() if record.spec.evaluate == "test"]
    by_sample = {record.spec.identity: _by_sample(record, metric) for record in records}
    found = {identity: values for identity, values in by_sample.items() if values is not None}
    if len({len(values) for values in found.values()}) != 1:
        return {}
    return dict(zip(found, over_samples(np.stack(list(found.values()))), strict=True))


def _by_sample(record: Record, metric: str) -> Float[np.ndarray, " n"] | None:
    """Return the values that the metric is the mean of; None without them, or predictions."""
    if (by_sample := find(metric).by_sample) is None:
        return None
    try:
        found = read_predictions(record.files, "test")
    except (OSError, ValueError):
        return None
    return by_sample(Classified(found.predictions.logits, found.labels))


def _value(record: Record, metric: str) -> Any:
    return entry(record, *metric.split("."))
