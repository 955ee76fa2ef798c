"""What a comparison says, as tables."""

from bench.contrasts import Contrast
from bench.directions import direction
from bench.formats import ABSENT, Table
from bench.groups import Group
from bench.ranks import Ranks
from bench.significance import ALPHA, pairs_needed, smallest_p


def comparison(group: Group, metric: str, found: list[Contrast]) -> Table:
    """Return the differences of one setting."""
    rows = [
        [
            each.noise,
            each.method,
            each.against,
            str(each.pairs),
            _signed(each.difference, metric),
            _interval(each, metric),
            f"{each.p:.3f}",
            f"{each.p_holm:.3f}",
        ]
        for each in found
    ]
    bold = frozenset((i, 4) for i, each in enumerate(found) if each.p_holm <= ALPHA)
    return Table(
        f"comparison-{group.name}",
        f"{metric}, method − against: {group.title}",
        ["noise", "method", "against", "n", "mean", "95 % interval", "p", "Holm"],
        rows,
        _notes(metric, found),
        bold,
    )


def ranking(found: Ranks, metric: str, dropped: int) -> Table:
    """Return mean ranks and what Friedman's test and the critical difference say."""
    rows = [[label, f"{mean:.2f}"] for label, mean in zip(found.labels, found.means, strict=True)]
    notes = [f"Ranks over {found.blocks} blocks of one data set, noise and seed; 1 is the best."]
    if found.p is not None:
        notes.append(f"Friedman's test that all methods are alike: p = {found.p:.3g}.")
    notes.append(f"Mean ranks that differ by less than {found.critical:.2f} do not differ at 5 % (Nemenyi).")
    if dropped:
        notes.append(f"{dropped} blocks are left out: not every method was run there.")
    return Table("ranks", f"Mean ranks by {metric}", ["method", "mean rank"], rows, notes)


def _notes(metric: str, found: list[Contrast]) -> list[str]:
    way = direction(metric)
    better = "above" if way.sign > 0 else "below"
    unit = "In points of %. " if way.percent else ""
    notes = [
        f"{unit}The method is better than the other where the mean is {better} 0. n: pairs of runs of "
        f"one noise and seed. p: sign-flip test; Holm: p corrected over all "
        f"rows of this noise. Bold: that is at most {100 * ALPHA:g} %.",
        *_drawn(found),
        *_too_few(found),
    ]
    unmatched = sum(each.unmatched for each in found if each.noise != "all")
    left_out = f"{unmatched} runs without a partner are left out, counted once a pair."
    return [*notes, left_out] if unmatched else notes


def _drawn(found: list[Contrast]) -> list[str]:
    kinds = dict.fromkeys(each.interval for each in found if each.interval)
    said = [f"Bootstrap interval over {kind}" for kind in kinds]
    why = (
        ""
        if kinds.keys() <= {"seeds and samples", "samples"}
        else " (where seeds only: no outcomes by image here)"
    )
    return [f"{'; '.join(said)}{why}."] if said else []


def _too_few(found: list[Contrast]) -> list[str]:
    notes = []
    for noise in dict.fromkeys(each.noise for each in found):
        family = [each for each in found if each.noise == noise]
        pairs, size = max(each.pairs for each in family), len(family)
        if smallest_p(pairs) * size > ALPHA:
            notes.append((noise, pairs, size))
    return [
        f"Too few seeds at {noise}: with n = {pairs} the smallest possible p is {smallest_p(pairs):.2g}; "
        f"{size} tests take n = {pairs_needed(size)}."
        for noise, pairs, size in notes
    ]


def _signed(value: float, metric: str) -> str:
    text = f"{100 * value:+.2f}" if direction(metric).percent else f"{value:+.4f}"
    return text.replace("-", "−")


def _interval(each: Contrast, metric: str) -> str:
    if each.low is None or each.high is None:
        return ABSENT
    return f"{_signed(each.low, metric)} to {_signed(each.high, metric)}"
