"""The metrics that the page lets a reader choose, with their words, direction and format."""

from collections.abc import Iterable
from typing import Any

from bench.evaluation.metrics import OF_CLASS_COUNTS, OF_FLIPS, OF_PREDICTIONS, OF_SCORES, Metric
from bench.evaluation.score_names import SCORE_NAMES
from bench.report.summaries import entry
from bench.report.values import FORMATS
from bench.store.record import Record

FAMILIES: dict[str, tuple[Metric[Any], ...]] = {
    "": (*OF_PREDICTIONS, *OF_CLASS_COUNTS),
    "scores": OF_SCORES,
    "noise_detection": OF_FLIPS,
}
# Numbers of images: they say what accuracies and rates say, but depend on the size of the test set.
LEFT_OUT = ("misclassified", "top_k")
# Those of which a page of very many runs has tables.
MAIN = ("accuracy", "ece", "nll", "scores.own.auroc", "scores.own.aurc", "scores.msp.auroc", "scores.msp.aurc")


def offered(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return what the page says of each metric that runs have; a family has one for each score."""
    some = list(records)
    return [
        _told(family, metric)
        for family, metrics in FAMILIES.items()
        for metric in metrics
        if metric.better and metric.name not in LEFT_OUT and any(_has(record, family, metric) for record in some)
    ]


def keys(told: dict[str, Any]) -> list[str]:
    """Return the dotted names of a metric in a run's record, one for each score."""
    if not told["family"]:
        return [told["name"]]
    return [f"{told['family']}.{score}.{told['name']}" for score in SCORE_NAMES]


def _told(family: str, metric: Metric[Any]) -> dict[str, Any]:
    form = FORMATS[metric.scale]
    unit = {"percent": "%", "thousandths": "×10³"}.get(metric.scale, "")
    about = {"noise_detection": "finding wrong labels: "}.get(family, "")
    return {
        "name": metric.name, "family": family, "heading": f"{about}{metric.heading or metric.name}", "unit": unit,
        "words": metric.words, "better": metric.better, "factor": form.factor, "decimals": form.decimals,
    }  # fmt: skip


def _has(record: Record, family: str, metric: Metric[Any]) -> bool:
    path = (family, "own", metric.name) if family else (metric.name,)
    return entry(record, *path) is not None
