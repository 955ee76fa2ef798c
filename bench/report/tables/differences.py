"""Tables of a comparison: differences between pairs of methods, and mean ranks."""

from collections.abc import Mapping

from bench.evaluation.metrics import OF_PREDICTIONS, find
from bench.report.columns import Methods, Numbers, Probabilities, Ranges, Texts
from bench.report.grouping import Group
from bench.report.statistics.paired import POOLED, Contrast, Resampled
from bench.report.statistics.ranks import Ranks
from bench.report.statistics.significance import ALPHA, pairs_needed, smallest_p
from bench.report.table import Row, Table
from bench.report.tables.cell_table import ValuedColumns, values, without_values
from bench.report.tables.shared_columns import older_note
from bench.report.values import TWO_DECIMALS, Format, MethodLabel, Range

LONG = 30  # rows that a screen takes
BY_SAMPLE = " and ".join(metric.name for metric in OF_PREDICTIONS if metric.by_sample)
RESAMPLED: dict[Resampled, str] = {
    "seeds and samples": "seeds and test images",
    "samples": "test images (one seed)",
    "seeds": f"seeds only, too narrow for few (images too: {BY_SAMPLE}, with stored predictions)",
}


def comparison_table(group: Group, metric: str, found: list[Contrast], *, brief: bool = False) -> Table:
    """Return the differences of one setting, as a screen takes them if `brief`.

    A brief table of many differences has only some that a test supports; and it has no column of
    the method that all are compared with, as its title names that.
    """
    shown = [each for each in found if _supported(each)][:LONG] if brief and len(found) > LONG else found
    labels = group.method_labels
    rivals = {each.against for each in found}
    older = older_note(group) if rivals <= set(group.current) else []
    one = labels[rivals.pop()] if len(rivals) == 1 else None
    mean = Numbers("mean", form=_signed(metric))
    columns = _columns(mean, labels, with_against=not (brief and one))
    place = without_values(columns).index(mean)
    return Table(
        f"comparison-{group.name}",
        f"{metric}, method − {one or 'against'}: {group.title}",
        without_values(columns),
        [Row(values(columns, each)) for each in shown],
        [*_left_out(found, shown), *_notes(metric, found), *older],
        frozenset((i, place) for i, each in enumerate(shown) if _supported(each)),
        in_title=[one] if one else [],
    )


def ranks_table(found: Ranks, metric: str, dropped: int) -> Table:
    """Return mean ranks, with Friedman's test and the critical difference in the notes."""
    rows = [Row([label, mean]) for label, mean in zip(found.labels, found.means, strict=True)]
    most = len(found.labels) - 1
    few = f"; none can, as {most} is the most there is" if found.critical >= most else ""
    notes = [
        f"Ranks over {_blocks(found.blocks)} (data set × noise × seed, settings of one data set averaged); "
        "1 is the best.",
        f"Friedman's test that all methods are alike: p = {found.p:.2g}. At 5 % two methods differ if "
        f"their mean ranks do by more than {found.critical:.2f} (Nemenyi){few}.",
    ]
    if dropped:
        notes.append(f"Left out, as not every method has a value there: {dropped} of setting × noise × seed.")
    columns = [Methods(), Numbers("mean rank", "mean_rank", TWO_DECIMALS)]
    return Table("ranks", f"Mean ranks by {metric}", columns, rows, notes)


def _blocks(count: int) -> str:
    return f"{count} block{'s' if count != 1 else ''}"


def _signed(metric: str) -> Format:
    is_percent = find(metric).scale == "percent"
    return Format(2 if is_percent else 4, 100.0 if is_percent else 1.0, signed=True, signed_zero=False)


def _columns(mean: Numbers, labels: Mapping[str, MethodLabel], *, with_against: bool) -> ValuedColumns:
    against: ValuedColumns = [(Methods("against"), lambda each: labels[each.against])]
    return [
        (Texts("noise"), lambda each: each.noise),
        (Methods(), lambda each: labels[each.method]),
        *(against if with_against else []),
        (Numbers("n"), lambda each: each.pairs),
        (mean, lambda each: each.difference),
        (Ranges("95 % interval", "interval", mean.form), _interval),
        (Probabilities("p"), lambda each: each.p),
        (Probabilities("Holm", "p_holm"), lambda each: each.p_holm),
    ]


def _interval(each: Contrast) -> Range | None:
    return None if each.low is None or each.high is None else Range(each.low, each.high)


def _notes(metric: str, found: list[Contrast]) -> list[str]:
    unit = "in percentage points, " if find(metric).scale == "percent" else ""
    better = "above" if find(metric).better == "higher" else "below"
    pooled = f" {POOLED}: the pairs of all noises." if any(each.noise == POOLED for each in found) else ""
    drawn = dict.fromkeys(RESAMPLED[each.interval] for each in found if each.interval)
    unmatched = sum(each.unmatched for each in found if each.noise != POOLED)
    return [
        f"Mean: {unit}over n pairs of runs of one noise and seed; {better} 0 the method is better. p: sign-flip "
        f"test; Holm: corrected for the tests at this noise. Bold: that is at most {100 * ALPHA:g} %.{pooled}",
        *([f"Bootstrap interval over {'; '.join(drawn)}."] if drawn else []),
        *_too_few(found),
        *([f"Left out for want of a partner, counted once a pair: {unmatched} of the runs."] if unmatched else []),
    ]


def _too_few(found: list[Contrast]) -> list[str]:
    """Return a line for each number of seeds that is too small for so many tests."""
    scopes: dict[tuple[int, int], list[str]] = {}
    for noise in dict.fromkeys(each.noise for each in found):
        family = [each for each in found if each.noise == noise]
        pairs = max(each.pairs for each in family)
        if smallest_p(pairs) * len(family) > ALPHA:
            scopes.setdefault((pairs, len(family)), []).append(noise)
    return [_shortage(pairs, size, _rows(noises)) for (pairs, size), noises in scopes.items()]


def _rows(noises: list[str]) -> str:
    """Return which rows of a table are meant.

    >>> _rows(["10%", "30%"]), _rows(["pooled"])
    ('at 10%, 30%', 'in pooled rows')
    """
    rates = ", ".join(noise for noise in noises if noise != POOLED)
    return " and ".join([*([f"at {rates}"] if rates else []), *(["in pooled rows"] if POOLED in noises else [])])


def _shortage(pairs: int, tests: int, rows: str) -> str:
    if (needed := pairs_needed(tests)) is None:
        return f"Nothing is bold {rows}: {tests} tests are too many for any n; compare fewer methods."
    return (
        f"Nothing is bold {rows}, too few seeds: with n = {pairs} p is {smallest_p(pairs):.3g} at least; "
        f"{tests} test{'s take' if tests > 1 else ' takes'} n = {needed}."
    )


def _left_out(found: list[Contrast], shown: list[Contrast]) -> list[str]:
    supported = sum(map(_supported, found))
    said = (
        f"Of {len(found)} differences a test supports {supported}; {len(shown)} are shown, the page below has all."
    )
    return [f"{said} `--against METHOD` makes fewer."] if len(shown) < len(found) else []


def _supported(each: Contrast) -> bool:
    return each.p_holm <= ALPHA
