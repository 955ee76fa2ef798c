"""Post-hoc scores: their values against scipy and scikit-learn, and what reports make of them."""

import re
from pathlib import Path

import numpy as np
import pytest
from finished_runs import content
from harness import PLUGINS, bench, run
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from bench.checks.suite import find_plugin, run_checks
from bench.errors import UsageError
from bench.evaluation.predictions import Predictions
from bench.plugins.registry import Registry
from bench.plugins.score import Training, scored
from bench.report import comparison
from bench.report.results import load_records
from bench.report.scoring import Scoring
from bench.report.selection import Selection
from bench.store.prediction_files import read_predictions
from bench.store.store import Store

BUILT_IN = ("energy-at", "feature-norm", "knn")
RANDOM = np.random.default_rng(0)
PLUGIN = """from bench.api import Score
import numpy as np
class Mine(Score):
    needs = {needs}
    def uncertainty(self, test, train):
        return {value}
"""


def predictions(size):
    features = RANDOM.normal(size=(size, 6)).astype(np.float32)
    return Predictions(RANDOM.normal(size=(size, 4)).astype(np.float32), RANDOM.random(size), features)


def made(name, **values):
    return Registry().find("scores", name).load()(**values)


def test_energy_is_that_of_scipy():
    test = predictions(40)
    found = scored(made("energy-at", temperature=3.0), test, None)
    np.testing.assert_allclose(found, -3 * logsumexp(test.logits.astype(float) / 3, axis=1), rtol=1e-12)


@pytest.mark.parametrize("unit", [True, False])
def test_neighbours_are_those_of_scikit_learn(unit):
    test, train = predictions(300), Training(predictions(80), np.zeros(80, np.int64))
    found = scored(made("knn", k=7, unit=unit), test, train)
    ours, known = (each.astype(float) for each in (test.features, train.predictions.features))
    if unit:
        ours, known = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (ours, known))
    distances, _ = NearestNeighbors(n_neighbors=7, algorithm="kd_tree").fit(known).kneighbors(ours)
    np.testing.assert_allclose(found, distances[:, -1], rtol=1e-9)


def test_the_norm_is_that_of_the_features():
    test = predictions(20)
    expected = -np.sqrt((test.features.astype(float) ** 2).sum(axis=1))
    np.testing.assert_allclose(scored(made("feature-norm"), test, None), expected, rtol=1e-12)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_scores_pass_the_checks(name):
    assert {result.status for result in run_checks(find_plugin(name, Registry()))} == {"pass"}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    results = tmp_path_factory.mktemp("scored")
    run(results, methods=["dummy"], seeds=[0, 1], epochs=1)
    return results


def plugin(folder, value, needs="()"):
    path = folder / "scores" / "mine.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(PLUGIN.format(value=value, needs=needs))
    return Registry([PLUGINS, folder])


def scoring(registry, *names, **settings):
    return Scoring.of(names, settings, registry, Path("data"))


def test_metrics_of_an_added_score_are_those_of_its_values_and_runs_stay_as_they_are(stored, tmp_path):
    registry = plugin(tmp_path, "-np.abs(test.logits[:, 0].astype(float))")
    before = content(stored / "runs")
    for _ in range(2):  # computed, then recalled
        records, _ = load_records(Store(stored), registry, scoring(registry, "own", "mine"))
        for record in records:
            test = read_predictions(record.files, "test")
            wrong = test.predicted != test.labels
            expected = roc_auc_score(wrong, -np.abs(test.predictions.logits[:, 0].astype(float)))
            assert record.metrics.scores["mine"].get("auroc") == pytest.approx(expected)
            assert record.curves["mine"][0] == pytest.approx(record.metrics.accuracy)
    assert content(stored / "runs") == before
    assert len(list((stored / ".recomputed" / "scores").rglob("*.json"))) == 2


def test_a_report_shows_an_added_score_beside_the_runs_own(stored, tmp_path):
    plugin(tmp_path, "np.ones(len(test.logits))")
    given = ("--results", str(stored), "--plugins", str(PLUGINS), "--plugins", str(tmp_path), "--scores", "mine")
    told = bench("report", *given)
    assert told.returncode == 0, told.stderr
    table = told.stdout.partition("How well each score ranks errors")[2]
    assert [line.split()[2] for line in table.split("\n") if " dummy " in line][:3] == ["own", "msp", "mine"]
    assert re.search(r"dummy +mine +50\.00 ± 0\.00", table)  # equal values rank nothing
    assert "How well each score" not in bench("report", *given[:4]).stdout


@pytest.mark.parametrize(
    ("value", "needs", "said"),
    [
        ("np.full(len(test.logits), np.nan)", "()", "must be finite"),
        ("np.zeros(3)", "()", r"must return shape \(\d+,\), got \(3,\)"),
        ("test.logits[:, 0] * 1j", "()", "real numbers, got complex"),
        ("1 / 0", "()", "division by zero"),
        ("test.logits.sort() or 0", "()", "read-only"),
        ("np.zeros(60)", "('features',)", "the method has no features"),
    ],
)
def test_bad_output_is_named_in_one_line_with_plugin_and_run(stored, tmp_path, value, needs, said):
    registry = plugin(tmp_path, value, needs)
    records, problems = load_records(Store(stored), registry, scoring(registry, "mine", "energy-at"))
    assert len(problems) == 1
    assert re.fullmatch(f"score mine of .*seed[01]-.* and 1 more runs: .*{said}.*", problems[0])
    for record in records:  # the other score is there
        assert record.metrics.scores["mine"].get("aurc") is None
        assert record.metrics.scores["energy-at"].get("aurc") is not None


@pytest.mark.parametrize("name", ["knn", "msp", "rejected"])
def test_a_score_with_the_name_of_another_is_refused(tmp_path, name):
    registry = plugin(tmp_path, "np.zeros(len(test.logits))")
    path = (tmp_path / "scores" / "mine.py").rename(tmp_path / "scores" / f"{name}.py")
    with pytest.raises(UsageError, match=f"{name}.py: there is a score {name} already; rename the file"):
        scoring(registry, name, "energy-at")
    found = {result.check: result.status for result in run_checks(find_plugin(path, Registry()))}
    assert found["name is free"] == "fail"


def test_unknown_names_and_settings_are_refused(tmp_path):
    registry = Registry([PLUGINS])
    with pytest.raises(UsageError, match="no score 'kn'. Did you mean 'knn'"):
        scoring(registry, "kn")
    with pytest.raises(UsageError, match="knn.k"):
        scoring(registry, "knn", knn={"k": 0})
    with pytest.raises(UsageError, match="must be of a score"):
        scoring(registry, "knn", rul={"mix": 2})
    assert scoring(registry, "own", "msp") is None


def test_a_score_that_follows_places_fails_its_check(tmp_path):
    plugin(tmp_path, "np.arange(len(test.logits), dtype=float)")
    found = {r.check: r.status for r in run_checks(find_plugin(tmp_path / "scores" / "mine.py", Registry()))}
    assert found["follows the order of images"] == "fail"


def test_compare_takes_the_metrics_of_an_added_score(tmp_path):
    run(tmp_path / "results", methods=["dummy"], epochs=1, set={"dummy": {"scale": [1.0, 2.0]}})
    registry = plugin(tmp_path, "-test.logits.max(axis=1).astype(float)")
    asked = scoring(registry, "mine")
    found = comparison.load(tmp_path / "results", Selection(), "scores.mine.auroc", scoring=asked)
    assert len(found.frame()) == 1
