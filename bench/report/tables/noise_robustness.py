"""How accuracy holds over the noise axis."""

from itertools import combinations

import numpy as np

from bench.report.grouping import Group
from bench.report.statistics import noise_curve as measures
from bench.report.summaries import over, summarise
from bench.report.table import Table, formatted, percent
from bench.spec import Noise


def over_noise(group: Group) -> Table:
    """Return area under and slope of accuracy against noise, for each kind of noise with two rates or more."""
    rows = []
    for kind, noises in _axes(group).items():
        for label in group.labels:
            runs = _by_seed(group, label, noises)
            rates = _rates(noises)
            areas = summarise(measures.area(rates, run) for run in runs)
            slopes = summarise(10 * measures.slope(rates, run) for run in runs)
            if runs:
                rows.append([kind, label, percent(areas), _minus(formatted(slopes, "{:+.2f}".format))])
    return Table(
        f"robustness-{group.name}",
        f"Accuracy over the noise axis: {group.title}",
        ["noise", "method", "area (%)", "slope"],
        rows,
        [
            "Area under accuracy against noise, over the range of rates: a mean accuracy. Slope by least squares: "
            "points of accuracy per 10 % noise. Both over the seeds that were run at every rate."
        ],
    )


def crossing(group: Group) -> Table:
    """Return the noise at which the mean accuracies of two methods cross, for each pair that does."""
    rows = []
    for kind, noises in _axes(group).items():
        means = {label: found for label in group.labels if (found := _means(group, label, noises)) is not None}
        for one, other in combinations(means, 2):
            places = measures.crossings(_rates(noises), means[one], means[other])
            if places:
                rows.append([kind, one, other, ", ".join(f"{100 * place:.1f}" for place in places)])
    return Table(
        f"crossing-{group.name}",
        f"Noise (%) at which mean accuracies cross: {group.title}",
        ["noise", "method", "against", "crosses at"],
        rows,
        [
            "Linear between the rates that were run; two methods not listed together do not cross. Of means, no "
            "test: curves that lie close cross by chance."
        ],
    )


def _axes(group: Group) -> dict[str, list[Noise]]:
    """Return the noises by kind; no noise belongs to every kind's axis."""
    kinds = {noise.kind for noise in group.noises if noise.rate}
    axes = {
        kind: [
            noise
            for _, noise in sorted({n.rate or 0: n for n in group.noises if n.kind == kind or not n.rate}.items())
        ]
        for kind in sorted(kinds)
    }
    return {kind: noises for kind, noises in axes.items() if len(noises) > 1}


def _rates(noises: list[Noise]) -> np.ndarray:
    return np.array([noise.rate or 0.0 for noise in noises])


def _by_seed(group: Group, label: str, noises: list[Noise]) -> list[np.ndarray]:
    """Return accuracy over the noises for each seed that was run at all of them."""
    cells = [
        {(r.spec.seed, r.spec.noise.seed): r.metrics.accuracy for r in group.cell(label, noise)}
        for noise in noises
    ]
    return [np.array([cell[seed] for cell in cells]) for seed in cells[0] if all(seed in cell for cell in cells)]


def _means(group: Group, label: str, noises: list[Noise]) -> np.ndarray | None:
    found = [over(group.cell(label, noise), "accuracy") for noise in noises]
    known = [summary.mean for summary in found if summary]
    return np.array(known) if len(known) == len(found) else None


def _minus(text: str) -> str:
    """Return a signed number ± spread with a true minus, the spread without its plus."""
    return text.replace("± +", "± ").replace("-", "−")
