import json
from itertools import combinations

import numpy as np
import pytest
import scipy.special
from harness import evaluation_of
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

from bench.evaluation import calibration
from bench.evaluation.evaluate import (
    class_distances,
    human_uncertainty,
    noise_detection,
    of_score,
)
from bench.evaluation.metrics import (
    CLASS_ACCURACY,
    CLASS_AUROC,
    CLASS_DISTANCES,
    CONFUSION,
    HUMAN_UNCERTAINTY,
    OF_CLASS_COUNTS,
    OF_PREDICTIONS,
    OF_SCORES,
)
from bench.evaluation.predictions import Predictions
from bench.evaluation.ranking import Scored

N, K = 137, 4
SCORES = ["own", "msp", "entropy", "margin", "energy"]
DETECTION = ["auroc", "average_precision", "fpr95_error", "fpr95_correct"]
NOISE_DETECTION = ["auroc", "average_precision", "precision_at_flips"]


def predictions(logits, uncertainty=None, features=None):
    logits = np.array(logits, dtype=np.float32)
    u = np.arange(len(logits)) if uncertainty is None else uncertainty
    return Predictions(logits, np.array(u, dtype=np.float64), features)


def drawn(seed):
    """Predictions that lean to labels, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(K, size=N)
    logits = rng.normal(size=(N, K)) + 1.5 * np.eye(K)[labels]
    uncertainty = rng.integers(9, size=N)
    return predictions(logits, uncertainty, rng.normal(size=(N, 3)).astype(np.float32)), labels


def flipped(labels, every=5):
    return np.where(np.arange(len(labels)) % every == 0, (labels + 1) % K, labels)


def certain(classes, confidence=5.0):
    """Logits that choose the classes."""
    return predictions(confidence * np.eye(K)[classes])


def probabilities(predicted):
    return scipy.special.softmax(predicted.logits.astype(float), axis=1)


@pytest.fixture(scope="module")
def data():
    (test, labels), (train, true) = drawn(0), drawn(1)
    return test, labels, train, flipped(true), true


@pytest.fixture(scope="module")
def result(data):
    return evaluation_of(*data, human_entropy=np.random.default_rng(2).random(N)).metrics


# ---- evaluate ------------------------------------------------------------------------------------


def test_every_metric_has_its_place(result):
    families = {"samples", "scores", "noise_detection", "undefined"}
    by_class = (CONFUSION, CLASS_ACCURACY, CLASS_AUROC)
    single = {*OF_PREDICTIONS, *OF_CLASS_COUNTS, *by_class, CLASS_DISTANCES, HUMAN_UNCERTAINTY}
    assert set(result) == {metric.name for metric in single} | families
    assert list(result["class_auroc"]) == SCORES
    assert list(result["scores"]["own"]) == [metric.name for metric in OF_SCORES]


def test_every_score_has_every_metric(result):
    assert list(result["scores"]) == SCORES
    assert len({frozenset(of_one) for of_one in result["scores"].values()}) == 1
    assert list(result["human_uncertainty"]) == SCORES
    assert list(result["noise_detection"]) == [*SCORES, "label_aware"]
    assert {frozenset(of_one) for of_one in result["noise_detection"].values()} == {frozenset(NOISE_DETECTION)}


def test_counts_and_accuracy_belong_together(data, result):
    right = sum(int(np.argmax(z)) == y for z, y in zip(data[0].logits, data[1], strict=True))
    assert result["samples"] == N
    assert result["misclassified"] == N - right
    assert result["accuracy"] == pytest.approx(right / N)


def test_calibration_uses_the_probability_of_the_predicted_class(data, result):
    confidence = probabilities(data[0]).max(axis=1)
    errors = data[0].logits.argmax(axis=1) != data[1]
    assert result["ece"] == pytest.approx(calibration.ece(confidence, errors))
    assert result["adaptive_ece"] == pytest.approx(calibration.adaptive_ece(confidence, errors))


def test_each_score_is_ranked_by_its_own_values(data, result):
    test, labels = data[:2]
    errors = test.logits.argmax(axis=1) != labels
    p = np.sort(probabilities(test), axis=1)
    own = {
        "own": test.uncertainty,
        "msp": 1 - p[:, -1],
        "entropy": -(p * np.log(p)).sum(axis=1),
        "margin": p[:, -2] - p[:, -1],
        "energy": -scipy.special.logsumexp(test.logits.astype(float), axis=1),
    }
    expected = {name: roc_auc_score(errors, u) for name, u in own.items()}
    assert len(set(expected.values())) == len(SCORES)
    assert {name: of_one["auroc"] for name, of_one in result["scores"].items()} == pytest.approx(expected)


def test_the_fixed_points_of_the_curve_are_10_percent_rejection_and_80_percent_coverage():
    errors = np.isin(np.arange(20), [15, 18])
    scored = of_score(Scored(np.arange(20.0), errors, np.zeros(20, dtype=int), 1))
    assert scored["accuracy_at_10_rejection"] == pytest.approx(17 / 18)
    assert scored["risk_at_80_coverage"] == pytest.approx(1 / 16)


def test_human_uncertainty_is_left_out_where_there_are_no_human_labels(data):
    assert "human_uncertainty" not in evaluation_of(*data).metrics


def test_the_result_is_strict_json(data, result):
    json.dumps(result, allow_nan=False)
    test, _, train, _, true = data
    json.dumps(evaluation_of(test, test.logits.argmax(axis=1), train, true, true).metrics, allow_nan=False)
    assert result["undefined"] == {}


# ---- undefined -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shift", "reason"), [(0, "no image is misclassified"), (1, "every image is misclassified")]
)
@pytest.mark.parametrize("metric", DETECTION)
def test_error_detection_without_errors_or_right_ones_is_none_with_a_reason(data, metric, shift, reason):
    labels, train, given, true = data[1:]
    result = evaluation_of(certain(labels), (labels + shift) % K, train, given, true).metrics
    assert [of_one[metric] for of_one in result["scores"].values()] == [None] * len(SCORES)
    assert result["undefined"].pop("class_auroc").endswith("of class 0, 1, 2, 3")
    assert result["undefined"] == {"error_detection": reason}


@pytest.mark.parametrize("metric", NOISE_DETECTION)
def test_noise_detection_without_flips_is_none_with_a_reason(data, metric):
    test, labels, train, _, true = data
    result = evaluation_of(test, labels, train, true, true).metrics
    assert [of_one[metric] for of_one in result["noise_detection"].values()] == [None] * (len(SCORES) + 1)
    assert result["undefined"] == {"noise_detection": "no training label is flipped"}


def test_noise_detection_where_every_label_is_flipped_is_none_with_a_reason(data):
    test, labels, train, _, true = data
    result = evaluation_of(test, labels, train, (true + 1) % K, true).metrics
    assert result["noise_detection"]["own"]["auroc"] is None
    assert result["noise_detection"]["own"]["average_precision"] is None
    assert "noise_detection" in result["undefined"]


def test_human_uncertainty_of_a_constant_score_is_none(data):
    varied = np.arange(5.0)
    correlations = human_uncertainty({"constant": np.ones(5), "varied": varied}, varied)
    assert correlations == {"constant": None, "varied": pytest.approx(1)}


def test_human_uncertainty_where_humans_never_differ_is_none_with_a_reason(data):
    result = evaluation_of(*data, human_entropy=np.zeros(N)).metrics
    assert set(result["human_uncertainty"].values()) == {None}
    assert "human_uncertainty" in result["undefined"]


def leaves(content):
    """The values of a nested dictionary."""
    nested = isinstance(content, dict)
    return [leaf for value in content.values() for leaf in leaves(value)] if nested else [content]


def as_probabilities(predicted):
    logits = scipy.special.log_softmax(predicted.logits.astype(float), axis=1).astype(np.float32)
    return predicted._replace(logits=logits, normalised=True)


def test_log_probabilities_offer_no_energy_and_the_reason_is_told(data, result):
    test, labels, train, given, true = data
    human = np.random.default_rng(2).random(N)
    found = evaluation_of(as_probabilities(test), labels, as_probabilities(train), given, true, human)
    assert list(found.metrics["undefined"]) == ["energy"]
    assert "log-probabilities" in found.metrics["undefined"]["energy"]
    assert found.curves["energy"].isna().all()
    assert list(found.curves) == ["rejected", *SCORES]
    for key in ("scores", "noise_detection", "class_distances"):
        assert list(found.metrics[key]) == list(result[key])
        assert found.metrics[key]["energy"].keys() == result[key]["energy"].keys()
        assert all(leaf is None for leaf in leaves(found.metrics[key]["energy"]))
        assert not any(leaf is None for leaf in leaves(found.metrics[key]["msp"]))
    assert found.metrics["human_uncertainty"]["energy"] is None
    json.dumps(found.metrics, allow_nan=False)


def test_log_probabilities_offer_the_other_scores_as_logits_do(data, result):
    test, labels, train, given, true = data
    found = evaluation_of(as_probabilities(test), labels, as_probabilities(train), given, true).metrics
    for score in ("own", "msp", "entropy", "margin"):
        assert found["scores"][score]["auroc"] == pytest.approx(result["scores"][score]["auroc"], abs=1e-3)
    assert found["nll"] == pytest.approx(result["nll"], rel=1e-5)


# ---- confusion -----------------------------------------------------------------------------------


def test_the_confusion_matrix_is_that_of_scikit_learn(data, result):
    test, labels = data[:2]
    expected = confusion_matrix(labels, test.logits.argmax(axis=1), labels=range(K))
    assert (expected != expected.T).any()
    assert result["confusion"] == expected.tolist()


def test_a_class_without_images_has_its_row_and_its_column():
    test = certain([0, 0, 3])
    found = evaluation_of(test, np.array([0, 1, 0]), test, np.zeros(3, dtype=int), np.zeros(3, dtype=int)).metrics
    assert found["confusion"] == [[1, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(("classes", "kept"), [(100, True), (101, False)])
def test_a_confusion_matrix_of_more_than_100_classes_is_not_kept(classes, kept):
    labels = np.arange(4)
    test = predictions(np.eye(classes)[labels])
    assert ("confusion" in evaluation_of(test, labels, test, labels, labels).metrics) is kept


# ---- distances to class centres ------------------------------------------------------------------


def mean_over_the_possible(chosen_of, u, k, values):
    """The mean of values over every set of k that may be called the most certain or uncertain."""
    places = set(range(len(u)))
    sets = [s for s in combinations(range(len(u)), k) if chosen_of(u[list(s)], u[list(places - set(s))])]
    return np.mean([values[list(s)].mean() for s in sets])


@pytest.mark.parametrize("levels", [3, 8, 1000])
def test_distances_of_the_tenths_are_the_mean_over_all_orders_inside_ties(levels):
    rng = np.random.default_rng(levels)
    u, labels, features = rng.integers(levels, size=30).astype(float), np.arange(30) % 3, rng.normal(size=(30, 2))
    own, other = by_hand(features, labels)
    found = class_distances(features, labels, {"own": u})["own"]
    for part, chosen_of in (
        ("uncertain", lambda inside, outside: inside.min() >= outside.max()),
        ("certain", lambda inside, outside: inside.max() <= outside.min()),
    ):
        for name, values in (("own", own), ("nearest_other", other)):
            expected = mean_over_the_possible(chosen_of, u, 3, values)
            assert found[f"{part}_{name}"] == pytest.approx(expected), (part, name)


def by_hand(features, labels):
    centres = np.array([features[labels == k].mean(axis=0) for k in range(3)])
    unit = np.mean([np.linalg.norm(a - b) for a, b in combinations(centres, 2)])
    distances = np.linalg.norm(features[:, None] - centres, axis=2) / unit
    others = [np.delete(row, label).min() for row, label in zip(distances, labels, strict=True)]
    return distances[np.arange(len(labels)), labels], np.array(others)


def test_each_score_has_the_distances_of_its_own_tenths(data, result):
    test, labels = data[:2]
    assert list(result["class_distances"]) == SCORES
    msp = 1 - probabilities(test).max(axis=1)
    assert result["class_distances"]["msp"] == class_distances(test.features, labels, {"msp": msp})["msp"]
    assert len({of_one["uncertain_own"] for of_one in result["class_distances"].values()}) > 2


def test_distances_are_left_out_where_there_are_no_features(data):
    test, *others = data
    assert "class_distances" not in evaluation_of(test._replace(features=None), *others).metrics


def test_distances_within_one_class_only_are_none():
    features = np.random.default_rng(0).normal(size=(20, 2))
    found = class_distances(features, np.ones(20, dtype=int), {"own": np.arange(20.0)})
    assert list(found["own"].values()) == [None] * 4


# ---- rejection curves ----------------------------------------------------------------------------


def test_curves_start_at_the_accuracy_and_reject_up_to_99_percent(data, result):
    curves = evaluation_of(*data).curves
    assert list(curves.columns) == ["rejected", *SCORES]
    assert curves["rejected"].tolist() == [percent / 100 for percent in range(100)]
    assert curves.loc[0, SCORES].tolist() == pytest.approx([result["accuracy"]] * len(SCORES))


@pytest.mark.parametrize("n", [10, 50, 137, 200, 250])
def test_curves_keep_n_minus_the_rounded_part_that_is_rejected(n):
    rng = np.random.default_rng(n)
    chosen, labels, u = rng.integers(K, size=n), rng.integers(K, size=n), rng.permutation(n)
    right = (chosen == labels)[np.argsort(u)]
    kept = [max(1, n - round(percent / 100 * n)) for percent in range(100)]
    test = predictions(np.eye(K)[chosen], u)
    curves = evaluation_of(test, labels, test, labels, labels).curves
    np.testing.assert_allclose(curves["own"], [right[:k].mean() for k in kept])


# ---- noise detection -----------------------------------------------------------------------------


def test_label_aware_is_one_minus_the_probability_of_the_given_label(data, result):
    _, _, train, given, true = data
    flips = given != true
    unlikely = np.array([1 - p[label] for p, label in zip(probabilities(train), given, strict=True)])
    found = result["noise_detection"]["label_aware"]
    assert found["auroc"] == pytest.approx(roc_auc_score(flips, unlikely))
    assert found["average_precision"] == pytest.approx(average_precision_score(flips, unlikely))
    most_unlikely = np.argsort(unlikely)[-flips.sum() :]
    assert found["precision_at_flips"] == pytest.approx(flips[most_unlikely].mean())


def test_a_confident_true_class_reveals_flips_to_the_label_aware_score_alone():
    true = np.arange(40) % K
    found = noise_detection(certain(true), flipped(true), true)
    assert found["label_aware"] == {"auroc": 1, "average_precision": 1, "precision_at_flips": 1}
    for score in ("msp", "entropy", "margin", "energy"):
        assert found[score] == pytest.approx({"auroc": 0.5, "average_precision": 0.2, "precision_at_flips": 0.2})


@pytest.mark.parametrize(
    ("u", "expected"),
    [
        ([9, 8, 7, 1, 0, 0], 2 / 3),
        ([1, 9, 1, 8, 7, 0], 1 / 3),
        ([9, 9, 9, 9, 0, 0], (3 * 2 / 4) / 3),
        ([9, 5, 5, 5, 5, 0], (1 + 2 * 1 / 4) / 3),
    ],
    ids=["two of three", "one of three", "tied", "tied at the boundary"],
)
def test_precision_at_flips_by_hand(u, expected):
    true = np.zeros(6, dtype=int)
    given = np.array([1, 1, 0, 0, 0, 1])
    found = noise_detection(predictions(np.zeros((6, K)), u), given, true)
    assert found["own"]["precision_at_flips"] == pytest.approx(expected)


def test_label_aware_keeps_the_order_of_very_confident_samples():
    gap = np.array([40.0, 45.0, 50.0, 55.0])
    given = np.zeros(4, dtype=int)
    true = np.array([1, 1, 0, 0])
    train = predictions(np.stack([gap, np.zeros(4)], axis=1))
    assert noise_detection(train, given, true)["label_aware"]["auroc"] == 1


# ---- human uncertainty ---------------------------------------------------------------------------


def test_each_score_is_correlated_with_the_human_entropy(data, result):
    entropy = np.random.default_rng(2).random(N)
    found = result["human_uncertainty"]
    assert found["own"] == pytest.approx(spearmanr(data[0].uncertainty, entropy).statistic)
    assert found["msp"] == pytest.approx(spearmanr(-probabilities(data[0]).max(axis=1), entropy).statistic)
