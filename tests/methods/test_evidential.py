import sys

import numpy as np
import pytest
import torch
from scipy.special import digamma, gammaln
from scipy.stats import dirichlet

from bench.plugins.method import Progress


@pytest.fixture(scope="module")
def module(load_method):
    """Return the functions of the method's file."""
    return vars(sys.modules[load_method("evidential").__module__])


def drawn(size=6, classes=4):
    rng = np.random.default_rng(0)
    alpha = 1 + rng.gamma(1.0, 5.0, size=(size, classes))
    return alpha, np.eye(classes)[rng.integers(classes, size=size)]


def error_by_hand(alpha, y):
    """E‖y − p‖² from the mean and the variance of a Dirichlet."""
    return [((row - dirichlet.mean(a)) ** 2 + dirichlet.var(a)).sum() for a, row in zip(alpha, y, strict=True)]


def divergence_by_hand(alpha, y):
    """KL(Dir(α̃) ‖ Dir(1)), as the paper writes it out."""
    found = []
    for a in y + (1 - y) * alpha:
        terms = gammaln(a.sum()) - gammaln(len(a)) - gammaln(a).sum()
        found.append(terms + ((a - 1) * (digamma(a) - digamma(a.sum()))).sum())
    return found


def test_the_squared_error_is_the_expected_one(module):
    alpha, y = drawn()
    found = module["squared_error"](torch.tensor(alpha), torch.tensor(y))
    np.testing.assert_allclose(found, error_by_hand(alpha, y), rtol=1e-12)


def test_the_squared_error_is_the_mean_over_draws(module):
    alpha, y = drawn(size=1)
    p = np.random.default_rng(1).dirichlet(alpha[0], size=200_000)
    found = module["squared_error"](torch.tensor(alpha), torch.tensor(y)).item()
    assert found == pytest.approx(((p - y) ** 2).sum(axis=1).mean(), rel=0.01)


def test_the_divergence_is_that_of_the_misleading_evidence_from_the_uniform_distribution(module):
    alpha, y = drawn()
    found = module["misleading"](torch.tensor(alpha), torch.tensor(y))
    np.testing.assert_allclose(found, divergence_by_hand(alpha, y), rtol=1e-10)


def test_evidence_for_the_right_class_alone_does_not_mislead(module):
    y = torch.eye(4, dtype=torch.float64)
    np.testing.assert_allclose(module["misleading"](1 + 1000 * y, y), 0, atol=1e-9)
    assert (module["misleading"](1 + 1000 * y, y.roll(1, 0)) > 5).all()


@pytest.mark.parametrize(("epoch", "weight"), [(1, 0.1), (5, 0.5), (10, 1.0), (30, 1.0)])
@pytest.mark.parametrize("evidence", ["relu", "softplus"])
def test_loss_is_the_error_plus_the_annealed_divergence(make_method, batch, replay, epoch, weight, evidence):
    method = make_method("evidential", evidence=evidence)
    with torch.no_grad():
        method.fc.weight *= 10
    torch.manual_seed(7)
    step = method.train().loss(batch, Progress(epoch, 30))
    (mean,) = replay(method, batch.images)
    z = (mean @ method.fc.weight.T + method.fc.bias).detach().numpy().astype(float)
    alpha = 1 + (np.maximum(z, 0) if evidence == "relu" else np.logaddexp(0, z))
    y = np.eye(10)[batch.labels]
    by_hand = np.mean(error_by_hand(alpha, y)) + weight * np.mean(divergence_by_hand(alpha, y))
    assert step.loss.item() == pytest.approx(by_hand, rel=1e-4)
    np.testing.assert_allclose(step.logits.exp(), alpha / alpha.sum(axis=1, keepdims=True), rtol=1e-4)
    np.testing.assert_allclose(step.uncertainty, 10 / alpha.sum(axis=1), rtol=1e-4)


def test_annealing_takes_ten_epochs_unless_told(make_method, batch):
    def loss(epoch, **given):
        method = make_method("evidential", dropout=0.0, **given)
        return method.train().loss(batch, Progress(epoch, 99)).loss.item()

    assert loss(10) == loss(11) > loss(9)
    assert loss(10) == pytest.approx(loss(2, annealing_epochs=2), rel=1e-6)
    assert loss(5) == pytest.approx(loss(1, annealing_epochs=2), rel=1e-6)


@pytest.mark.parametrize("evidence", ["relu", "softplus"])
def test_prediction_is_the_mean_of_the_dirichlet_and_its_vacuity(make_method, batch, evidence):
    method = make_method("evidential", evidence=evidence).eval()
    with torch.no_grad():
        found = method.predict(batch.images)
        mean = method.mean(method.features(batch.images))
        z = (mean @ method.fc.weight.T + method.fc.bias).numpy().astype(float)
    alpha = 1 + (np.maximum(z, 0) if evidence == "relu" else np.logaddexp(0, z))
    np.testing.assert_allclose(found.logits.exp(), np.stack([dirichlet.mean(a) for a in alpha]), rtol=1e-5)
    np.testing.assert_allclose(found.uncertainty, 10 / alpha.sum(axis=1), rtol=1e-5)
    assert torch.equal(found.features, mean)
    assert method.normalised_logits


def test_no_evidence_is_full_uncertainty_and_the_uniform_distribution(make_method, batch):
    method = make_method("evidential").eval()
    torch.nn.init.zeros_(method.fc.weight)
    torch.nn.init.constant_(method.fc.bias, -1.0)
    found = method.predict(batch.images)
    assert (found.uncertainty == 1).all()
    np.testing.assert_allclose(found.logits.detach(), np.log(0.1))


def test_gradients_are_finite_where_the_evidence_is_huge(make_method, batch):
    method = make_method("evidential").train()
    with torch.no_grad():
        method.fc.weight *= 1e5
    step = method.loss(batch, Progress(10, 10))
    step.loss.backward()
    assert step.loss.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in method.parameters())
