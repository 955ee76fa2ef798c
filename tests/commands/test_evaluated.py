"""`bench.evaluate` against scikit-learn and NumPy, and against a stored run's metrics."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

import bench
from bench.errors import BenchError
from bench.evaluation.evaluate import evaluate as of_run
from bench.evaluation.predictions import LabelledPredictions, Predictions

RNG = np.random.default_rng(1)
N, K, M = 400, 5, 300
LABELS = RNG.integers(0, K, N)
LOGITS = RNG.normal(size=(N, K)) + 1.5 * np.eye(K)[LABELS]
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
ERRORS = LOGITS.argmax(axis=1) != LABELS
U = RNG.random(N) + 0.3 * ERRORS
TRUE = RNG.integers(0, K, M)
GIVEN = np.where(RNG.random(M) < 0.3, (TRUE + 1) % K, TRUE)
TRAIN = {"train_logits": RNG.normal(size=(M, K)), "train_given": GIVEN, "train_true": TRUE}


def test_it_agrees_with_scikit_learn():
    found = bench.evaluate(LOGITS, LABELS, U)
    assert found.accuracy == pytest.approx(1 - ERRORS.mean())
    assert found["nll"] == pytest.approx(log_loss(LABELS, SOFTMAX))
    assert found["brier"] == pytest.approx(((SOFTMAX - np.eye(K)[LABELS]) ** 2).sum(axis=1).mean())
    assert found.scores["own"]["auroc"] == pytest.approx(roc_auc_score(ERRORS, U))
    assert found["scores.msp.auroc"] == pytest.approx(roc_auc_score(ERRORS, 1 - SOFTMAX.max(axis=1)))
    assert found["scores.own.average_precision"] == pytest.approx(average_precision_score(ERRORS, U))
    kept = ~ERRORS[np.argsort(U)]
    assert found.curves["own"][25] == pytest.approx(kept[: N * 3 // 4].mean())
    risks = 1 - np.cumsum(kept) / np.arange(1, N + 1)
    assert found["scores.own.aurc"] == pytest.approx(risks.mean())


def test_it_has_all_that_a_stored_run_has():
    found = bench.evaluate(LOGITS, LABELS, U, features=LOGITS, **TRAIN, train_uncertainty=np.ones(M))
    test = LabelledPredictions(Predictions(LOGITS, U, LOGITS), {"label": LABELS})
    train = Predictions(TRAIN["train_logits"], np.ones(M), None)
    metrics, curves = of_run(test, LabelledPredictions(train, {"given": GIVEN, "true": TRUE}))
    assert found.metrics == metrics
    assert found.curves.equals(curves)


def test_flips_are_found_by_training_scores():
    found = bench.evaluate(LOGITS, LABELS, **TRAIN)
    softmax = np.exp(TRAIN["train_logits"])
    softmax /= softmax.sum(axis=1, keepdims=True)
    aware = 1 - softmax[np.arange(M), GIVEN]
    assert found["noise_detection.label_aware.auroc"] == pytest.approx(roc_auc_score(GIVEN != TRUE, aware))


def test_without_training_part_the_reason_is_told():
    found = bench.evaluate(LOGITS, LABELS)
    assert found["noise_detection.own.auroc"] is None
    assert found.undefined == {"noise_detection": "the predictions of the training images are not known"}
    assert found.scores["own"] == found.scores["msp"]


def test_uncertainties_by_name_stand_in_place_of_own():
    found = bench.evaluate(LOGITS, LABELS, {"mine": U, "other": -U})
    alone = bench.evaluate(LOGITS, LABELS, U)
    assert list(found.scores) == ["mine", "other", "msp", "entropy", "margin", "energy"]
    assert list(found.curves) == ["rejected", *found.scores]
    assert found.scores["mine"] == alone.scores["own"]
    assert found.scores["other"]["auroc"] == pytest.approx(1 - alone.scores["own"]["auroc"])
    assert found.curves["mine"].equals(alone.curves["own"])


def test_tensors_lists_and_probabilities_do_as_well():
    found = bench.evaluate(LOGITS, LABELS, U)
    tensors = bench.evaluate(torch.tensor(LOGITS, requires_grad=True), torch.tensor(LABELS), torch.tensor(U))
    assert tensors.metrics == found.metrics
    assert bench.evaluate(LOGITS.tolist(), LABELS.tolist(), U.tolist()).metrics == found.metrics
    halves = bench.evaluate(torch.tensor(LOGITS).bfloat16(), LABELS)
    assert halves.accuracy == pytest.approx(found.accuracy, abs=0.02)
    probable = bench.evaluate(SOFTMAX, LABELS, U, probabilities=True)
    assert probable["nll"] == pytest.approx(found["nll"])
    assert probable["scores.energy.auroc"] is None


def test_arrays_that_may_not_be_written_stay_as_they_are():
    logits, copy = LOGITS.copy(), LOGITS.copy()
    logits.flags.writeable = False
    bench.evaluate(logits, LABELS)
    assert (logits == copy).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((LOGITS, LABELS[1:]), "one value is needed for each sample"),
        ((LOGITS * np.nan, LABELS), "logits must be finite"),
        ((LOGITS, LABELS + 1), "labels must be classes from 0 to 4"),
        ((LOGITS, LABELS, {"msp": U}), "'msp' is a name that every evaluation has"),
        ((LOGITS, LABELS, {"label_aware": U}), "'label_aware' is a name that every evaluation has"),
        ((LOGITS, LABELS, {"rejected": U}), "'rejected' is a name that every evaluation has"),
        ((LOGITS, LABELS, {"a b": U}), "array uncertainty_a b: after uncertainty_ must come a letter"),
        ((LOGITS, None), "there is no array labels"),
    ],
)
def test_what_does_not_fit_is_one_line(arguments, said):
    with pytest.raises(BenchError, match=said) as error:
        bench.evaluate(*arguments)
    assert "\n" not in str(error.value)


def test_a_metric_that_is_not_there_is_named():
    with pytest.raises(BenchError, match=r"no metric 'scores\.own\.aurok'\. Did you mean 'scores\.own\.auroc'"):
        bench.evaluate(LOGITS, LABELS)["scores.own.aurok"]
