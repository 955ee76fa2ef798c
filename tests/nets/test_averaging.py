import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax
from scipy.stats import entropy

from bench.nets.averaging import mean_log_probabilities, spread

LOGITS = 3 * torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(0))
P = softmax(LOGITS.numpy().astype(float), axis=2)


def test_the_mean_is_that_of_the_probabilities_not_of_the_logits():
    found = mean_log_probabilities(LOGITS).numpy()
    np.testing.assert_allclose(np.exp(found), P.mean(axis=0), rtol=1e-12)
    assert not np.allclose(np.exp(found), softmax(LOGITS.mean(dim=0).numpy(), axis=1), rtol=1e-2)


def test_the_mean_is_normalised_and_finite_where_softmax_underflows():
    found = mean_log_probabilities(1000 * LOGITS).numpy()
    assert np.isfinite(found).all()
    np.testing.assert_allclose(logsumexp(found, axis=1), 0, atol=1e-12)


def test_entropy_is_that_of_the_mean_in_nats():
    np.testing.assert_allclose(spread(LOGITS, "entropy"), entropy(P.mean(axis=0), axis=1), rtol=1e-12)


def test_mutual_information_is_the_mean_divergence_of_the_members_from_their_mean():
    divergence = np.stack([entropy(member, P.mean(axis=0), axis=1) for member in P]).mean(axis=0)
    np.testing.assert_allclose(spread(LOGITS, "mutual-information"), divergence, rtol=1e-10)


def test_members_that_agree_share_no_information_and_opposite_ones_a_bit():
    same = LOGITS[:1].expand(7, -1, -1)
    np.testing.assert_allclose(spread(same, "mutual-information"), 0, atol=1e-12)
    np.testing.assert_allclose(spread(same, "entropy"), entropy(P[0], axis=1), rtol=1e-10)
    opposite = torch.tensor([[[100.0, 0.0]], [[0.0, 100.0]]])
    for score in ("entropy", "mutual-information"):
        assert spread(opposite, score).item() == pytest.approx(np.log(2))


def test_rounding_never_makes_the_information_negative():
    logits = torch.randn(1, 1000, 10, generator=torch.Generator().manual_seed(1)).expand(3, -1, -1)
    assert (spread(logits, "mutual-information") >= 0).all()
