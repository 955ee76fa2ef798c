import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import entropy
from torch.utils.data import DataLoader, TensorDataset

from bench.errors import UsageError
from bench.plugins.factory import MethodFactory

INNER = MethodFactory("baseline", {"dimension": 4})


@pytest.fixture
def fitted(make_method):
    method = make_method("laplace", inner=INNER)
    features = 2 * torch.randn(60, 4, dtype=torch.float64)
    logits = method.inner.fc.double()(features).detach()
    method.fit(features, logits)
    method.inner.float()
    return method, features.numpy(), logits.numpy()


def factors(features, logits):
    """The Kronecker factors, sample by sample."""
    f = np.c_[features, np.ones(len(features))]
    p = softmax(logits, axis=1)
    return sum(np.outer(row, row) for row in f) / len(f), sum(np.diag(row) - np.outer(row, row) for row in p)


def test_variances_are_those_of_the_whole_matrix_inverted(fitted):
    method, features, logits = fitted
    precision = np.kron(*factors(features, logits)) + float(method.precision) * np.eye(50)
    covariance = np.linalg.inv(precision)
    for row, found in zip(features[:5], method.variance(torch.tensor(features[:5])).numpy(), strict=True):
        slope = np.kron(np.append(row, 1.0)[None], np.eye(10))  # of the logits (K, (D + 1) K)
        np.testing.assert_allclose(found, np.diag(slope @ covariance @ slope.T), rtol=1e-6)


def test_of_one_sample_the_factors_are_the_whole_gauss_newton_matrix(make_method):
    """Against torch's Hessian of the cross-entropy in fc, which is exact for an affine layer."""
    method = make_method("laplace", inner=INNER)
    features, layer = torch.randn(1, 4, dtype=torch.float64), method.inner.fc.double()
    method.fit(features, layer(features).detach())
    whole = torch.cat([layer.weight, layer.bias[:, None]], dim=1).detach()  # (K, D + 1)
    f = torch.cat([features, torch.ones(1, 1)], dim=1)
    hessian = torch.autograd.functional.hessian(
        lambda w: torch.nn.functional.cross_entropy(f @ w.T, torch.tensor([3])), whole
    )
    ours = (
        torch.einsum("da,a,ea->de", method.left, method.left_values, method.left),
        torch.einsum("ka,a,la->kl", method.right, method.right_values, method.right),
    )
    torch.testing.assert_close(
        hessian.permute(1, 3, 0, 2), torch.einsum("de,kl->dekl", *ours), rtol=1e-6, atol=1e-9
    )


def test_the_precision_has_the_largest_marginal_likelihood(fitted):
    method, features, logits = fitted
    curvature = np.kron(*factors(features, logits))
    weights = np.concatenate([p.detach().double().numpy().ravel() for p in method.inner.fc.parameters()])

    def negative_evidence(log_tau):
        tau = np.exp(log_tau)
        log_determinant = np.linalg.slogdet(curvature + tau * np.eye(50))[1]
        return 0.5 * (tau * weights @ weights - 50 * log_tau + log_determinant)

    expected = np.exp(minimize_scalar(negative_evidence, bracket=(-2, 3)).x)
    assert float(method.precision) == pytest.approx(expected, rel=1e-3)


@pytest.mark.filterwarnings("ignore")  # the library's own
def test_it_is_the_laplace_torch_of_a_layer_whose_bias_is_a_weight(fitted):
    """The library keeps a bias as a block of its own; a 1 beside the features makes it a weight."""
    laplace = pytest.importorskip("laplace", reason="the authors' library is in the extra peers")
    method, features, _ = fitted
    inputs = torch.tensor(np.c_[features, np.ones(len(features))])
    layer = torch.nn.Linear(5, 10, bias=False).double()
    bias = method.inner.fc.bias[:, None]
    layer.weight.data = torch.cat([method.inner.fc.weight, bias], dim=1).detach().double()
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Identity(), layer)
    whole = TensorDataset(inputs, torch.zeros(60, dtype=torch.long))
    theirs = laplace.Laplace(net, "classification", subset_of_weights="last_layer", hessian_structure="kron")
    theirs.fit(DataLoader(whole, batch_size=60))
    theirs.optimize_prior_precision(method="marglik", n_steps=1000, lr=0.05)
    assert float(method.precision) == pytest.approx(theirs.prior_precision.item(), rel=1e-3)
    theirs.prior_precision = method.precision.reshape(1)
    _, covariance = theirs._glm_predictive_distribution(inputs)
    found = method.variance(torch.tensor(features))
    torch.testing.assert_close(found, covariance.diagonal(dim1=1, dim2=2), rtol=1e-6, atol=0, check_dtype=False)


def test_the_probit_link_flattens_logits_and_the_uncertainty_is_their_entropy(make_method, batch):
    method = make_method("laplace", inner=INNER).eval()
    with torch.no_grad():
        plain = method.predict(batch.images)
        method.finish([batch], None)
        found = method.predict(batch.images)
    kappa = 1 / np.sqrt(1 + np.pi / 8 * method.variance(plain.features).numpy())
    np.testing.assert_allclose(found.logits.numpy(), kappa * plain.logits.numpy(), rtol=1e-5)
    expected = entropy(softmax(found.logits.numpy(), axis=1), axis=1)
    np.testing.assert_allclose(found.uncertainty.numpy(), expected, rtol=1e-5)
    assert (found.uncertainty > plain.uncertainty).all()
    assert method.remarks() == [f"the prior precision is {float(method.precision):.3g}"]


@pytest.mark.parametrize(
    ("inner", "said"),
    [("scn", "logits are not fc of its features"), ("co-teaching", "must predict features")],
)
def test_an_inner_method_without_an_affine_last_layer_is_refused(make_method, inner, said):
    values = {"forget_rate": 0.1} if inner == "co-teaching" else {}
    with pytest.raises(UsageError, match=said):
        make_method("laplace", inner=MethodFactory(inner, values))
