import numpy as np
import pytest

from bench.evaluation.calibration import Classified
from bench.evaluation.metrics import ALL_METRICS, OF_FLIPS, OF_PREDICTIONS, OF_SCORES, WORDS, find, has_better_side


@pytest.mark.parametrize(
    ("metric", "sign", "scale"),
    [
        ("accuracy", 1, "percent"),
        ("nll", -1, "plain"),
        ("misclassified", -1, "plain"),
        ("scores.own.auroc", 1, "percent"),
        ("scores.msp.aurc", -1, "thousandths"),
        ("scores.own.fpr95_error", -1, "percent"),
        ("scores.own.top_k.certain_right", 1, "plain"),
        ("noise_detection.label_aware.precision_at_flips", 1, "percent"),
        ("human_uncertainty.msp", 1, "plain"),
    ],
)
def test_a_metric_is_found_by_its_dotted_name(metric, sign, scale):
    assert has_better_side(metric)
    assert (find(metric).sign, find(metric).scale) == (sign, scale)


@pytest.mark.parametrize(
    "name",
    ["acuracy", "scores.own", "samples", "confusion", "scores.own.top_k.k", "class_distances.own.certain_own"],
)
def test_what_has_no_better_side_is_not_found(name):
    assert not has_better_side(name)
    with pytest.raises(KeyError):
        find(name)


@pytest.mark.parametrize(
    "metric", dict.fromkeys([*OF_PREDICTIONS, *OF_SCORES, *OF_FLIPS]), ids=lambda metric: metric.name
)
def test_every_number_has_a_better_side(metric):
    assert metric.better in ("higher", "lower")


def test_every_metric_has_words():
    for metric in ALL_METRICS:
        name = f"noise_detection.{metric.name}" if metric in OF_FLIPS else metric.name
        assert WORDS[name] == metric.words != ""


def test_words_say_what_is_detected():
    assert WORDS["auroc"] == "of detecting errors (positive = misclassified)"
    assert WORDS["noise_detection.auroc"] == "of detecting flips (positive = flipped label)"
    assert "errors" in WORDS["average_precision"]
    assert "flips" in WORDS["noise_detection.average_precision"]


@pytest.mark.parametrize(
    "metric", [metric for metric in OF_PREDICTIONS if metric.by_sample], ids=lambda metric: metric.name
)
def test_a_metric_is_the_mean_of_its_values_by_sample(metric):
    rng = np.random.default_rng(0)
    of = Classified(rng.normal(size=(50, 4)).astype(np.float32), rng.integers(4, size=50))
    assert metric.by_sample(of).mean() == pytest.approx(metric.function(of))
