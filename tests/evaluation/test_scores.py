import numpy as np
import pytest
import scipy.special
import torch

from bench.evaluation.score_names import SCORE_NAMES
from bench.evaluation.scores import LOGIT_SCORES, energy, entropy, margin, msp
from bench.grid.pictures import Pictures
from bench.options import options_of

EIGHTHS = torch.tensor([[4.0, 2.0, 1.0, 1.0]]).log()  # p = 1/2, 1/4, 1/8, 1/8
GAPS = torch.arange(15, 115, dtype=torch.float32)


def softmax(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


REFERENCES = {
    "msp": lambda z: 1 - softmax(z).max(axis=1),
    "entropy": lambda z: -(softmax(z) * np.log(softmax(z))).sum(axis=1),
    "margin": lambda z: np.diff(np.sort(softmax(z), axis=1)[:, [-1, -2]], axis=1)[:, 0],
    "energy": lambda z: -scipy.special.logsumexp(z, axis=1),
}


def test_every_score_has_a_reference_here():
    assert set(LOGIT_SCORES) == set(REFERENCES)


def test_the_scores_are_those_that_options_offer():
    assert ("own", *LOGIT_SCORES) == SCORE_NAMES
    assert options_of(Pictures)["score"].help.endswith(": own, msp, entropy, margin or energy.")


@pytest.mark.parametrize("scale", [0.01, 1, 5])
@pytest.mark.parametrize("name", REFERENCES)
def test_scores_agree_with_extended_precision(name, scale):
    z = (scale * np.random.default_rng(0).normal(size=(64, 6))).astype(np.float32)
    expected = REFERENCES[name](z.astype(np.longdouble)).astype(float)
    np.testing.assert_allclose(LOGIT_SCORES[name](torch.from_numpy(z)).numpy(), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(msp, 1 / 2), (entropy, 1.75 * np.log(2)), (margin, -1 / 4), (energy, -np.log(8))],
)
def test_scores_of_eighths_by_hand(score, expected):
    assert score(EIGHTHS).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("score", "expected"), [(msp, 4 / 5), (entropy, np.log(5)), (margin, 0), (energy, -3 - np.log(5))]
)
def test_scores_of_equal_logits_by_hand(score, expected):
    assert score(torch.full((1, 5), 3.0)).item() == pytest.approx(expected)


@pytest.mark.parametrize("score", [msp, entropy, margin])
def test_a_constant_added_to_the_logits_changes_no_softmax_score(score):
    z = torch.tensor([[1.0, -2.0, 0.5], [4.0, 3.0, 2.0]])
    torch.testing.assert_close(score(z + 64), score(z))


def test_a_constant_added_to_the_logits_is_taken_off_the_energy():
    z = torch.tensor([[1.0, -2.0, 0.5], [4.0, 3.0, 2.0]])
    torch.testing.assert_close(energy(z + 64), energy(z) - 64)


@pytest.mark.parametrize("score", LOGIT_SCORES.values(), ids=list(LOGIT_SCORES))
def test_a_larger_gap_to_the_other_logits_is_more_certain(score):
    gap = torch.linspace(0.5, 12, 24)
    z = torch.stack([gap, torch.zeros(24), torch.zeros(24)], dim=1)
    assert (score(z).diff() < 0).all()


@pytest.mark.parametrize("score", LOGIT_SCORES.values(), ids=list(LOGIT_SCORES))
def test_scores_of_float32_logits_are_float64_and_one_per_sample(score):
    values = score(torch.zeros(3, 4))
    assert values.dtype == torch.float64
    assert values.shape == (3,)


@pytest.mark.parametrize("score", LOGIT_SCORES.values(), ids=list(LOGIT_SCORES))
def test_extreme_logits_give_finite_scores(score):
    assert score(torch.tensor([[3e38, -3e38, 0.0], [-3e38, -3e38, -3e38]])).isfinite().all()


def test_msp_keeps_the_order_that_one_minus_the_maximum_loses_to_ties():
    z = torch.stack([GAPS, torch.zeros(100), torch.zeros(100)], dim=1)
    naive = 1 - z.softmax(dim=1).amax(dim=1)
    assert (naive == 0).sum() > 90
    assert (msp(z).diff() < 0).all()
    gap = GAPS.double().numpy()
    np.testing.assert_allclose(msp(z).numpy(), 2 / (np.exp(gap) + 2), rtol=1e-12)


def test_entropy_keeps_the_order_of_very_confident_samples():
    z = torch.stack([GAPS, torch.zeros(100), torch.zeros(100)], dim=1)
    assert (entropy(z).diff() < 0).all()


def test_msp_counts_a_tie_for_the_maximum_once():
    assert msp(torch.tensor([[2.0, 2.0, -900.0]])).item() == 0.5
