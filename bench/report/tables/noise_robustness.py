"""How accuracy falls along the noise axis, and where methods overtake each other."""

from collections import Counter
from itertools import combinations

import numpy as np

from bench.report.columns import Methods, Numbers, Summaries, Texts
from bench.report.grouping import Group
from bench.report.statistics import noise_curve
from bench.report.summaries import by_seed, over, summarise
from bench.report.table import Row, Table
from bench.report.tables.shared_columns import NOISE_AND_METHOD, older_note
from bench.report.values import Format
from bench.spec import Confusions, Noise

POINTS_PER_TENTH = Format(2, factor=10.0, signed=True)  # of a slope: % of accuracy per 10 % of noise


def over_noise_table(group: Group) -> Table:
    """Return area under and slope of accuracy for each kind of noise with two rates or more."""
    methods, rows = group.method_labels, []
    for kind, noises in noise_axes(group).items():
        for label in group.labels:
            rates, runs = _rates(noises), _runs(group, label, noises)
            areas = summarise(noise_curve.area(rates, run) for run in runs)
            slopes = summarise(noise_curve.slope(rates, run) for run in runs)
            if runs:
                rows.append(Row([kind, methods[label], areas, slopes]))
    return Table(
        f"robustness-{group.name}",
        f"Accuracy over the noise axis: {group.title}",
        [*NOISE_AND_METHOD, Summaries("area (%)", "area"), Summaries("slope", form=POINTS_PER_TENTH)],
        rows,
        [
            "Area under accuracy against noise, over the range of rates: a mean accuracy. Slope by "
            "least squares: points of accuracy per 10 % noise. Both over the seeds that were run at "
            "every rate."
        ],
    )


def crossing_table(group: Group) -> Table:
    """Return the noise at which two methods' mean accuracies cross, one row for each crossing."""
    methods, rows = group.method_labels, []
    for kind, noises in noise_axes(group).items():
        means = {label: found for label in group.current if (found := _means(group, label, noises)) is not None}
        for one, other in combinations(means, 2):
            places = noise_curve.crossings(_rates(noises), means[one], means[other])
            rows += [Row([kind, methods[one], methods[other], place]) for place in places]
    return Table(
        f"crossing-{group.name}",
        f"Noise (%) at which mean accuracies cross: {group.title}",
        [
            Texts("noise"),
            Methods(),
            Methods("against"),
            Numbers("crosses at", "crosses_at", Format(1, factor=100.0)),
        ],
        rows,
        [
            "Linear between the rates that were run; two methods not listed together do not cross. Of "
            "means, no test: curves that lie close cross by chance.",
            *older_note(group),
        ],
    )


def noise_axes(group: Group) -> dict[str, list[Noise]]:
    """Return the noises by kind, by rate; no noise belongs to every kind's axis.

    Labels that are given, by people or in a file, are no points of an axis: their rates may be
    unknown or equal, and what lies between two of them means nothing.
    """
    drawn = [noise for noise in group.noises if noise.given_labels is None]
    names = _axis_names([noise for noise in drawn if noise.rate])
    axes = {
        name: {n.rate or 0.0: n for n in drawn if not n.rate or (n.kind, n.confusions) == kind}
        for kind, name in sorted(names.items(), key=lambda item: item[1])
    }
    return {kind: [axis[rate] for rate in sorted(axis)] for kind, axis in axes.items() if len(axis) > 1}


def _axis_names(noises: list[Noise]) -> dict[tuple[str, Confusions | None], str]:
    """Return the name of each kind and its confused classes, with their hash if it has several."""
    found = {(noise.kind, noise.confusions): noise for noise in noises}
    counts = Counter(kind for kind, _ in found)
    return {
        each: noise.kind if counts[noise.kind] == 1 else f"{noise.kind}-{noise.confusions_hash}"
        for each, noise in found.items()
    }


def _rates(noises: list[Noise]) -> np.ndarray:
    return np.array([noise.rate or 0.0 for noise in noises])


def _runs(group: Group, label: str, noises: list[Noise]) -> list[np.ndarray]:
    """Return accuracy over the noises for each seed that was run at all of them."""
    cells = [by_seed(group.cell(label, noise), "accuracy") for noise in noises]
    return [np.array([cell[seed] for cell in cells]) for seed in cells[0] if all(seed in cell for cell in cells)]


def _means(group: Group, label: str, noises: list[Noise]) -> np.ndarray | None:
    found = [over(group.cell(label, noise), "accuracy") for noise in noises]
    known = [summary.mean for summary in found if summary]
    return np.array(known) if len(known) == len(found) else None
