"""What a comparison says, as tables."""

from bench.evaluation.directions import direction
from bench.report.grouping import Group
from bench.report.statistics.paired import POOLED, Contrast
from bench.report.statistics.ranks import Ranks
from bench.report.statistics.significance import ALPHA, pairs_needed, smallest_p
from bench.report.table import ABSENT, Table

LONG = 30  # rows that a screen takes
OVER = {
    "seeds and samples": "seeds and test images",
    "samples": "test images (one seed)",
    "seeds": "seeds only, too narrow for few (images too: accuracy and nll, with stored predictions)",
}


def comparison(group: Group, metric: str, found: list[Contrast], *, brief: bool = False) -> Table:
    """Return the differences of one setting; if `brief`, as a screen takes them.

    A brief table of many differences has some that a test supports only, and it leaves what its title says out.
    """
    shown = [each for each in found if _supported(each)][:LONG] if brief and len(found) > LONG else found
    rivals = {each.against for each in found}
    one = rivals.pop() if len(rivals) == 1 else None
    header = [
        "noise",
        "method",
        *([] if brief and one else ["against"]),
        "n",
        "mean",
        "95 % interval",
        "p",
        "Holm",
    ]
    return Table(
        f"comparison-{group.name}",
        f"{metric}, method − {one or 'against'}: {group.title}",
        header,
        [[cells[heading] for heading in header] for cells in (_cells(each, metric) for each in shown)],
        [*_left_out(found, shown), *_notes(metric, found)],
        frozenset((i, header.index("mean")) for i, each in enumerate(shown) if _supported(each)),
    )


def ranking(found: Ranks, metric: str, dropped: int) -> Table:
    """Return mean ranks and what Friedman's test and the critical difference say."""
    rows = [[label, f"{mean:.2f}"] for label, mean in zip(found.labels, found.means, strict=True)]
    notes = [
        f"Ranks over {found.blocks} blocks (data set × noise × seed); 1 is the best.",
        f"Friedman's test that all methods are alike: p = {found.p:.2g}. At 5 % two methods differ if their mean "
        f"ranks do by more than {found.critical:.2f} (Nemenyi).",
    ]
    if dropped:
        notes.append(f"{dropped} blocks are left out: not every method was run there.")
    return Table("ranks", f"Mean ranks by {metric}", ["method", "mean rank"], rows, notes)


def _notes(metric: str, found: list[Contrast]) -> list[str]:
    way = direction(metric)
    unit = "in percentage points, " if way.percent else ""
    better = "above" if way.sign > 0 else "below"
    pooled = f" {POOLED}: the pairs of all noises." if any(each.noise == POOLED for each in found) else ""
    drawn = dict.fromkeys(OVER[each.interval] for each in found if each.interval)
    unmatched = sum(each.unmatched for each in found if each.noise != POOLED)
    return [
        f"Mean: {unit}over n pairs of runs of one noise and seed; {better} 0 the method is better. p: sign-flip "
        f"test; Holm: corrected for the tests at this noise. Bold: that is at most {100 * ALPHA:g} %.{pooled}",
        *([f"Bootstrap interval over {'; '.join(drawn)}."] if drawn else []),
        *_too_few(found),
        *([f"Left out for want of a partner, counted once a pair: {unmatched} of the runs."] if unmatched else []),
    ]


def _too_few(found: list[Contrast]) -> list[str]:
    """Return a line for each number of seeds with which none of so many tests can support anything."""
    scopes: dict[tuple[int, int], list[str]] = {}
    for noise in dict.fromkeys(each.noise for each in found):
        family = [each for each in found if each.noise == noise]
        pairs = max(each.pairs for each in family)
        if smallest_p(pairs) * len(family) > ALPHA:
            scopes.setdefault((pairs, len(family)), []).append(noise)
    return [
        f"Nothing is bold at {', '.join(noises)}, too few seeds: with n = {pairs} p is {smallest_p(pairs):.3g} at "
        f"least; {size} test{'s take' if size > 1 else ' takes'} n = {pairs_needed(size)}."
        for (pairs, size), noises in scopes.items()
    ]


def _left_out(found: list[Contrast], shown: list[Contrast]) -> list[str]:
    supported = sum(map(_supported, found))
    said = (
        f"Of {len(found)} differences a test supports {supported}; {len(shown)} are shown, the page below has all."
    )
    return [f"{said} `--against METHOD` makes fewer."] if len(shown) < len(found) else []


def _supported(each: Contrast) -> bool:
    return each.p_holm <= ALPHA


def _cells(each: Contrast, metric: str) -> dict[str, str]:
    ends = [_signed(end, metric) for end in (each.low, each.high) if end is not None]
    return {
        "noise": each.noise,
        "method": each.method,
        "against": each.against,
        "n": str(each.pairs),
        "mean": _signed(each.difference, metric),
        "95 % interval": " to ".join(ends) or ABSENT,
        "p": _probability(each.p),
        "Holm": _probability(each.p_holm),
    }


def _probability(p: float) -> str:
    return "< .001" if p < 0.0005 else f"{p:.3f}"


def _signed(value: float, metric: str) -> str:
    text = f"{100 * value:+z.2f}" if direction(metric).percent else f"{value:+z.4f}"
    return text.replace("-", "−")
