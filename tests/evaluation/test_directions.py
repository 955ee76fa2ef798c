import pytest
from harness import run, spec

from bench.evaluation.directions import DIRECTIONS, direction, has_direction
from bench.evaluation.metrics import DESCRIPTIONS
from bench.store.store import Store


@pytest.mark.parametrize(
    ("metric", "sign"),
    [
        ("accuracy", 1),
        ("nll", -1),
        ("scores.own.auroc", 1),
        ("scores.msp.aurc", -1),
        ("scores.own.fpr95_error", -1),
        ("noise_detection.own.precision_at_flips", 1),
        ("human_uncertainty.msp", 1),
    ],
)
def test_a_metric_is_known_by_its_dotted_name(metric, sign):
    assert direction(metric).sign == sign


def test_every_described_metric_that_is_one_number_has_a_direction():
    of_many = {"curves.csv", "top_k", "confusion", "class_distances", "noise_detection"}
    assert DESCRIPTIONS.keys() - of_many <= DIRECTIONS.keys()


@pytest.mark.parametrize("name", ["acuracy", "scores.own", "samples", "confusion", "scores.own.top_k.k"])
def test_what_has_no_better_side_has_no_direction(name):
    assert not has_direction(name)


def test_every_number_of_a_scores_metrics_has_a_direction(tmp_path):
    run(tmp_path)
    own = Store(tmp_path).read(spec()).metrics.scores["own"].entries()
    assert own.keys() - {"top_k"} <= DIRECTIONS.keys()
