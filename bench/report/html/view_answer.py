"""The question of the benchmark: own score against max-softmax, in words and numbers."""

from typing import Any

from bench.evaluation.metrics import OF_SCORES
from bench.report.grouping import Group
from bench.report.html.json_blocks import short
from bench.report.statistics.against_max_softmax import METRICS, Against, Verdict, against_msp, shortage
from bench.report.statistics.paired import POOLED
from bench.report.tables.own_score import scope_of
from bench.report.values import FORMATS

DOES: dict[Verdict, tuple[str, str]] = {
    "own": ("for {}, the own score ranks errors better", "yes"),
    "msp": ("for {}, max-softmax ranks them better", "no"),
    "open": ("for {}, no test supports a difference", "open"),
    "same": ("for {}, both scores order the images alike", "same"),
}


def against(group: Group) -> dict[str, Any]:
    """Return the comparison by metric, scope and method, and what the tests of AUROC say."""
    found = {metric: against_msp(group, metric) for metric in METRICS}
    labels = {label: place for place, label in enumerate(group.labels)}
    noises = {noise.label: place for place, noise in enumerate(group.noises)}
    return {
        **_said(group, found["auroc"]),
        "metrics": {
            metric: [[labels[label], noises.get(at, -1), *_numbers(each)] for (at, label), each in of.items()]
            for metric, of in found.items()
        },
        "factors": {metric.name: FORMATS[metric.scale].factor for metric in OF_SCORES if metric.name in METRICS},
    }


def _said(group: Group, found: dict[tuple[str, str], Against]) -> dict[str, Any]:
    """Return the answer as a sentence, a headline, and the methods of each verdict."""
    scope = scope_of(group)
    verdicts: dict[Verdict, list[str]] = {verdict: [] for verdict in DOES}
    for (at, label), each in found.items():
        if at == scope:
            verdicts[each.verdict].append(group.shown(label))
    total = sum(map(len, verdicts.values()))
    parts = [DOES[verdict][0].format(_of(len(names), total)) for verdict, names in verdicts.items() if names]
    where = f"Over the runs of all {len(group.noises)} noises" if scope == POOLED else f"At label noise {scope}"
    said = f"{where}, by AUROC: {'; '.join(parts)}."
    ahead = sum(at == scope and each.difference.mean > 0 for (at, _), each in found.items())
    said += f" The mean AUROC of the own score is the higher one for {ahead or 'none'} of them."
    return {
        "headline": _headline(verdicts, total),
        "sentence": said if total else "No run has both scores, so nothing is tested.",
        "shortage": shortage(each for (at, _), each in found.items() if at == scope),
        "verdicts": {verdict: names for verdict, names in verdicts.items() if names},
    }


def _of(count: int, total: int) -> str:
    return f"{count} of {total} methods" if total > 1 else "the only method"


def _headline(verdicts: dict[Verdict, list[str]], total: int) -> str:
    own, msp = len(verdicts["own"]), len(verdicts["msp"])
    if not total:
        return "There is nothing to compare."
    if own == total:
        return "Yes, for every method."
    if own:
        return f"For {own} of {total} methods, yes."
    return f"For none of {total} methods." if msp else "No difference is supported by a test."


def _numbers(each: Against) -> list[Any]:
    low, high = each.interval or (None, None)
    gap = each.difference
    return [
        short(each.own.mean), short(each.msp.mean), short(gap.mean), short(low), short(high), gap.n,
        None if each.verdict == "same" else short(each.p, 3), each.verdict,
    ]  # fmt: skip
