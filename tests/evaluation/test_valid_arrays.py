"""What metrics are not computed from: each public function refuses it in one line."""

import numpy as np
import pytest
import torch

from bench.errors import BenchError, DataError
from bench.evaluation import calibration, ranking, scores
from bench.evaluation.calibration import Classified
from bench.evaluation.class_distances import Placed, distances_to_centres, mean_distances
from bench.evaluation.evaluate import all_scores, human_uncertainty, noise_detection
from bench.evaluation.human_disagreement import Judged, entropy_of_counts, spearman
from bench.evaluation.predictions import Predictions
from bench.evaluation.ranking import Scored, rank
from bench.plugins.loading import check_data_set
from bench.plugins.registry import Registry

pytestmark = pytest.mark.usefixtures("unchecked_types")
N, K = 6, 3
DRAWN = np.random.default_rng(0)
LOGITS = DRAWN.normal(size=(N, K)).astype(np.float32)
LOG = calibration.log_softmax(LOGITS)
LABELS = np.array([0, 1, 2, 0, 1, 2])
U = np.linspace(0, 1, N)
WRONG = np.array([0, 1, 0, 1, 1, 0], dtype=bool)
RANKING = rank(U, WRONG)


def holding(array, value):
    changed = array.astype(np.float64)
    changed.flat[1] = value
    return changed


def unfit(array):
    """Arrays that no float array (n, …) may be, by what is wrong with them."""
    return {
        "nan": holding(array, np.nan),
        "infinity": holding(array, np.inf),
        "minus infinity": holding(array, -np.inf),
        "all nan": np.full_like(array, np.nan),
        "complex": array.astype(complex),
        "booleans": array > 0,
        "objects": array.astype(object),
        "text": array.astype(str),
        "dates": np.zeros(array.shape, dtype="datetime64[D]"),
        "empty": array[:0],
        "a list": array.tolist(),
        "None": None,
        "a number": np.float64(0.5),
        "an axis more": array[None],
        "shorter": array[:-1],
        "a tensor": torch.from_numpy(array),
    }


def unfit_labels():
    return {
        "floats": LABELS.astype(float),
        "nan": np.full(N, np.nan),
        "below": LABELS - 1,
        "above": LABELS + 1,
        "booleans": LABELS > 0,
        "empty": LABELS[:0],
        "shorter": LABELS[:-1],
        "two axes": LABELS[:, None],
        "a list": LABELS.tolist(),
        "objects": LABELS.astype(object),
    }


def unfit_flags():
    return {
        "integers": WRONG.astype(int),
        "floats": WRONG.astype(float),
        "empty": WRONG[:0],
        "shorter": WRONG[:-1],
    }


def predicted(logits=LOGITS, uncertainty=U):
    return Predictions(logits, uncertainty, None)


OF_FLOATS = {
    "rank": (U, lambda u: rank(u, WRONG)),
    "rank, errors": (U, lambda e: rank(U, e)),
    "Scored": (U, lambda u: Scored(u, WRONG, LABELS, K)),
    "top_weights": (U, lambda u: len(ranking.top_weights(u, 3)) == N or rank(u, WRONG)),
    "Classified": (LOGITS, lambda x: Classified(x, LABELS)),
    "log_softmax": (LOGITS, lambda x: len(calibration.log_softmax(x)) == N or Classified(x, LABELS)),
    "accuracy": (LOGITS, lambda x: calibration.accuracy(x, LABELS)),
    "nll": (LOG, lambda p: calibration.nll(p, LABELS)),
    "brier": (LOG, lambda p: calibration.brier(p, LABELS)),
    "confusion": (LOGITS, lambda x: calibration.confusion(x, LABELS)),
    "ece": (U, lambda c: calibration.ece(c, WRONG)),
    "adaptive_ece": (U, lambda c: calibration.adaptive_ece(c, WRONG)),
    "spearman": (U, lambda u: spearman(Judged(u, U))),
    "spearman, entropy": (U, lambda e: spearman(Judged(U, e))),
    "human_uncertainty": (U, lambda u: human_uncertainty({"own": U}, u)),
    "distances_to_centres": (LOGITS, lambda x: distances_to_centres(x, LABELS)),
    "mean_distances": (U, lambda u: mean_distances(Placed(u, U, U))),
    "all_scores": (LOGITS, lambda x: all_scores(predicted(x))),
    "all_scores, uncertainty": (U, lambda u: all_scores(predicted(uncertainty=u))),
    "noise_detection": (LOGITS, lambda x: noise_detection(predicted(x), LABELS, LABELS)),
}
OF_LABELS = {
    "Scored": lambda y: Scored(U, WRONG, y, K),
    "Classified": lambda y: Classified(LOGITS, y),
    "accuracy": lambda y: calibration.accuracy(LOGITS, y),
    "nll": lambda y: calibration.nll(LOG, y),
    "brier": lambda y: calibration.brier(LOG, y),
    "confusion": lambda y: calibration.confusion(LOGITS, y),
    "noise_detection, given": lambda y: noise_detection(predicted(), y, LABELS),
    "noise_detection, true": lambda y: noise_detection(predicted(), LABELS, y),
}
OF_FLAGS = {
    "Scored": lambda e: Scored(U, e, LABELS, K),
    "ece": lambda e: calibration.ece(U, e),
    "adaptive_ece": lambda e: calibration.adaptive_ece(U, e),
}


def refused(call, argument):
    with pytest.raises(BenchError) as raised:
        call(argument)
    assert isinstance(raised.value, ValueError)
    assert str(raised.value)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("name", OF_FLOATS)
@pytest.mark.parametrize("wrong", unfit(U))
def test_what_is_no_array_of_finite_numbers_is_refused(name, wrong):
    array, call = OF_FLOATS[name]
    argument = unfit(array)[wrong]
    if (name, wrong) in {("rank, errors", "booleans")}:
        assert call(argument).n == N
        return
    call(array)
    refused(call, argument)


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize("wrong", unfit_labels())
def test_what_are_no_classes_is_refused(name, wrong):
    OF_LABELS[name](LABELS)
    refused(OF_LABELS[name], unfit_labels()[wrong])


@pytest.mark.parametrize("name", OF_FLAGS)
@pytest.mark.parametrize("wrong", unfit_flags())
def test_what_are_no_booleans_is_refused(name, wrong):
    OF_FLAGS[name](WRONG)
    refused(OF_FLAGS[name], unfit_flags()[wrong])


@pytest.mark.parametrize("part", [-0.1, 1.1, np.nan, np.inf, True, "0.1", None, 1j])
def test_what_is_no_part_of_the_samples_is_refused(part):
    refused(lambda rate: ranking.accuracy_at_rejection(RANKING, rate), part)
    refused(lambda coverage: ranking.risk_at_coverage(RANKING, coverage), part)
    if isinstance(part, float):
        refused(lambda rate: ranking.rejection_curve(RANKING, np.array([0.1, rate])), part)
        refused(lambda confidence: calibration.ece(confidence, WRONG), holding(U, part))


@pytest.mark.parametrize("count", [0, -1, N + 1, 1.0, True, "2", None])
def test_what_is_no_number_of_samples_is_refused(count):
    refused(lambda k: ranking.top_weights(U, k), count)
    refused(lambda k: ranking.top_counts(Scored(U, WRONG, LABELS, K), k), count)
    if count != N + 1:
        refused(lambda bins: calibration.ece(U, WRONG, bins), count)


def test_nan_has_no_auroc_and_the_message_counts_it():
    said = refused(lambda u: ranking.auroc(rank(u, WRONG)), np.full(N, np.nan))
    assert said == "uncertainty must be finite, 6 of 6 values are not"


def test_numbers_of_other_sizes_are_ranked_as_they_are():
    for kind in (np.float16, np.float32, np.longdouble):
        assert ranking.auroc(rank(U.astype(kind), WRONG)) == ranking.auroc(RANKING)
    assert ranking.auroc(rank(U, WRONG.astype(int))) == ranking.auroc(RANKING)


# ---- scores of tensors ---------------------------------------------------------------------------

UNFIT_TENSORS = {
    "nan": torch.full((2, 3), torch.nan),
    "infinity": torch.tensor([[0.0, torch.inf]]),
    "integers": torch.zeros(2, 3, dtype=torch.long),
    "booleans": torch.zeros(2, 3, dtype=torch.bool),
    "complex": torch.zeros(2, 3, dtype=torch.complex64),
    "one class": torch.zeros(4, 1),
    "no sample": torch.zeros(0, 3),
    "no class": torch.zeros(3, 0),
    "one axis": torch.zeros(3),
    "three axes": torch.zeros(1, 2, 3),
    "an array": np.zeros((2, 3)),
    "None": None,
}


@pytest.mark.parametrize("score", scores.LOGIT_SCORES.values(), ids=list(scores.LOGIT_SCORES))
@pytest.mark.parametrize("wrong", UNFIT_TENSORS)
def test_scores_refuse_what_are_no_logits(score, wrong):
    refused(score, UNFIT_TENSORS[wrong])


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_scores_take_floating_point_numbers_of_any_size(kind):
    logits = torch.tensor([[1.0, 2.0, 3.0]], dtype=kind)
    for score in scores.LOGIT_SCORES.values():
        assert torch.equal(score(logits), score(logits.double()))


def test_scores_read_no_value_where_a_gpu_would_have_to_be_waited_for():
    assert scores.msp(torch.empty(4, 3, device="meta")).shape == (4,)


# ---- counts of labels given by people ------------------------------------------------------------

COUNTS = np.array([[3.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
UNFIT_COUNTS = {
    "nan": holding(COUNTS, np.nan),
    "infinity": holding(COUNTS, np.inf),
    "negative": holding(COUNTS, -1),
    "negative, with a positive sum": np.array([[5.0, -1.0, 0.0]]),
    "nobody asked": holding(COUNTS, 1) * [[1], [0]],
    "complex": COUNTS.astype(complex),
    "booleans": COUNTS > 0,
    "text": COUNTS.astype(str),
    "one axis": COUNTS[0],
    "empty": COUNTS[:0],
    "a list": COUNTS.tolist(),
}


@pytest.mark.parametrize("wrong", UNFIT_COUNTS)
def test_what_are_no_counts_of_people_is_refused(wrong):
    refused(entropy_of_counts, UNFIT_COUNTS[wrong])


def test_counts_may_be_whole_numbers_or_parts():
    expected = entropy_of_counts(COUNTS)
    np.testing.assert_array_equal(entropy_of_counts(COUNTS.astype(np.uint8)), expected)
    np.testing.assert_allclose(entropy_of_counts(COUNTS / 10), expected)


@pytest.mark.parametrize("wrong", [*UNFIT_COUNTS, "another length", "another number of classes"])
def test_a_data_set_with_wrong_counts_is_refused_before_anything_is_trained(wrong, tmp_path):
    data = Registry().find("datasets", "digits").load()().load(tmp_path, download=False)
    good = np.ones((len(data.test.labels), 10))
    others = {"another length": good[1:], "another number of classes": good[:, 1:]}
    counts = (UNFIT_COUNTS | others)[wrong]
    with pytest.raises(DataError, match="^digits, test: human counts must") as raised:
        check_data_set("digits", data._replace(test=data.test._replace(extra={"human-counts": counts})))
    assert "\n" not in str(raised.value)
    check_data_set("digits", data._replace(test=data.test._replace(extra={"human-counts": good})))
