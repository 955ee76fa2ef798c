"""One figure for a paper, by its kind, of the runs that were chosen."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.errors import UsageError, unknown
from bench.grid.pictures import Pictures
from bench.report import comparison, figures
from bench.report.chosen_runs import load_groups, noises_of, only_one, shortened_list
from bench.report.figure_kinds import KINDS
from bench.report.figures import critical_difference
from bench.report.figures.sheet import WIDTHS
from bench.report.figures.style import Picture
from bench.report.figures.training_curves import ON_REQUEST, PANELS
from bench.report.grouping import Group
from bench.report.sample_pictures import Samples
from bench.report.scoring import Scoring
from bench.report.selection import Selection
from bench.report.statistics.paired import ranks

NARROWEST, WIDEST = 1.0, 30.0  # inches
CERTAIN = "certain"


def width_of(text: str) -> float:
    """Return a width in inches: `column`, `page`, or a number.

    Raises:
        UsageError: it is none of these, or out of range.
    """
    if text in WIDTHS:
        return WIDTHS[text]
    try:
        width = float(text)
    except ValueError:
        width = 0.0
    if not NARROWEST <= width <= WIDEST:
        raise UsageError(
            f"--width {text}: must be column, page, or from {NARROWEST:g} to {WIDEST:g} inches, such as 3.5"
        )
    return width


def picture_of(
    kind: str,
    results: Path,
    selection: Selection,
    samples: Samples,
    wanted: Pictures,
    metrics: list[str],
    *,
    certain: bool = False,
    scoring: Scoring | None = None,
) -> tuple[Picture, list[str]]:
    """Return the only picture of a kind, and a line for all that is left out.

    Args:
        kind: of the figure.
        results: the folder of the store.
        selection: which runs it shows.
        samples: where it finds predictions and images, if it needs them.
        wanted: the score and the number of images, where it shows such.
        metrics: what it shows of what it could; none for all.
        certain: whether images are the most certain ones.
        scoring: post-hoc scores to add.

    Raises:
        UsageError: there is no such kind, nothing to show, or more than one figure can.
        DataError: the predictions that it needs are not here.
    """
    check_kind(kind, metrics)
    groups, problems = load_groups(results, selection, scoring=scoring)
    if kind == "critical-difference":
        return _critical_difference(groups, _single(kind, metrics)), problems
    group = only_one(groups)
    _check_single(kind, group)
    found = [each for each in _maker(kind, group, samples, wanted, metrics)(group) if _is_of(kind, each, certain)]
    if len(found) == 1:
        return found[0], problems
    if not found:
        raise UsageError(f"figure {kind}: it needs {KINDS[kind].needs}; the chosen ones are {_what(group)}")
    told = shortened_list([each.caption for each in found], "; ")
    raise UsageError(f"figure {kind}: one at a time, choose by --methods or --noise: {told}")


def check_kind(kind: str, metrics: list[str]) -> None:
    """Check the name of a kind, and that it takes a metric if one is given.

    Raises:
        UsageError: there is no such kind, or it takes none.
    """
    if kind not in KINDS:
        raise unknown("kind of figure", kind, KINDS)
    if metrics and not KINDS[kind].takes_metric:
        raise UsageError(f"--metric {','.join(metrics)}: figure {kind} takes none")


def _maker(
    kind: str, group: Group, samples: Samples, wanted: Pictures, metrics: list[str]
) -> Callable[[Group], Iterator[Picture]]:
    if kind in figures.FROM_SAMPLES:
        return lambda of: figures.FROM_SAMPLES[kind](of, samples, wanted)
    if kind == "accuracy":
        metric = _single(kind, metrics)
        comparison.check_metric(metric, group.records)
        return partial(figures.curves_against_noise, metric=metric)
    if kind == "training":
        _check_columns(metrics)
        return partial(figures.training_logs, wanted=metrics)
    return {
        "rejection": figures.rejection_curves,
        "training-uncertainty": figures.training_uncertainties,
        "confusion": figures.confusion_matrices,
        "ablation": figures.ablations,
        "relabelling": figures.ablations,
    }[kind]


def _is_of(kind: str, picture: Picture, certain: bool) -> bool:
    """Return whether a picture is of the kind, of those that one function makes."""
    if kind in ("ablation", "relabelling"):
        return picture.name.startswith(f"{kind}-")
    return kind != "images" or picture.name.startswith(f"{CERTAIN}-") == certain


def _check_single(kind: str, group: Group) -> None:
    noises = noises_of([group])
    if KINDS[kind].of_one_noise and len(noises) > 1:
        raise UsageError(f"figure {kind} shows one noise, choose by --noise: {shortened_list(noises)}")
    if KINDS[kind].of_one_method and len(group.labels) > 1:
        raise UsageError(f"figure {kind} shows one method, choose by --methods: {shortened_list(group.labels)}")


def _check_columns(names: list[str]) -> None:
    for name in names:
        if name not in PANELS | ON_REQUEST:
            raise unknown("column of the log", name, PANELS | ON_REQUEST)


def _single(kind: str, metrics: list[str]) -> str:
    if len(metrics) > 1:
        raise UsageError(f"--metric {','.join(metrics)}: figure {kind} shows one")
    return metrics[0] if metrics else "accuracy"


def _critical_difference(groups: list[Group], metric: str) -> Picture:
    comparison.check_metric(metric, [record for each in groups for record in each.records])
    found, _ = ranks(groups, metric)
    if found is None:
        needs = KINDS["critical-difference"].needs
        raise UsageError(f"figure critical-difference: it needs {needs} with {metric}")
    caption = f"Mean ranks by {metric} over {found.blocks} blocks (data set × noise × seed)"
    return Picture("critical-difference", caption, partial(critical_difference.draw, found, metric))


def _what(group: Group) -> str:
    return shortened_list([f"{', '.join(group.labels)} at noise {', '.join(noises_of([group]))}"])
