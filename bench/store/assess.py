"""Metrics of a run from its predictions, just made or stored."""

from bench.evaluation.evaluate import evaluate
from bench.evaluation.metrics import VERSION
from bench.evaluation.predictions import LabelledPredictions
from bench.store.outcome import Assessment
from bench.store.record_models import Metrics


def assess(test: LabelledPredictions, train: LabelledPredictions | None) -> Assessment:
    """Return the metrics and curves that this version makes of a run's predictions, beside these.

    Raises:
        KeyError: a vector of labels is missing.
        ValueError: they do not fit together.
    """
    metrics, curves = evaluate(test, train)
    return Assessment(Metrics.model_validate(metrics), VERSION, curves, test, train)
