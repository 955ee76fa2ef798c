import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F


@pytest.fixture
def kl_term(make_method, make_batch, train_step, monkeypatch):
    """Return λ-free KL of given μ and ℓ: how much the loss grows when λ goes from 0 to 1."""

    def term(mean, log_variance, reduction):
        losses = []
        for weight in (0.0, 1.0):
            method = make_method("dul", dimension=mean.shape[1], kl_weight=weight, kl_reduction=reduction)
            method.fc.double()
            monkeypatch.setattr(method, "gaussian", lambda images: (mean, log_variance))
            losses.append(train_step(method, make_batch(len(mean))).loss)
        return losses[1] - losses[0]

    return term


def moments(size=6, dimension=16):
    return torch.randn(2, size, dimension, dtype=torch.float64)


def test_loss_is_cross_entropy_of_the_sample_plus_weighted_kl(make_method, batch, train_step, replay):
    method = make_method("dul")
    step = train_step(method, batch)
    mean, log_variance = replay(method, batch.images)
    noise = torch.randn_like(mean)
    sample = mean + noise * log_variance.exp().sqrt()
    logits = sample @ method.fc.weight.T + method.fc.bias
    likelihood = logits.softmax(dim=1)[torch.arange(len(batch.labels)), batch.labels]
    kl = sum(
        0.5 * sum(m * m + torch.exp(v) - 1 - v for m, v in zip(*rows, strict=True))
        for rows in zip(mean.double(), log_variance.double(), strict=True)
    ) / len(mean)
    torch.testing.assert_close(step.loss, (-likelihood.log().mean() + 0.01 * kl).float())


def test_relabelling_gets_fc_of_mu_not_of_the_sample(make_method, batch, train_step, replay):
    method = make_method("dul")
    step = train_step(method, batch)
    mean, log_variance = replay(method, batch.images)
    unsampled = mean @ method.fc.weight.T + method.fc.bias
    sampled = method.fc(mean + torch.randn_like(mean) * (log_variance / 2).exp())
    torch.testing.assert_close(step.logits, unsampled)
    assert (step.logits - sampled).abs().amax() > 0.1


def test_each_sample_of_a_batch_and_dimension_has_noise_of_its_own(
    make_method, make_batch, monkeypatch, train_step
):
    method = make_method("dul", dimension=10, kl_weight=0.0)
    seen = []
    monkeypatch.setattr(method, "gaussian", lambda images: (torch.zeros(500, 10), torch.full((500, 10), 2.0)))
    method.fc.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    train_step(method, make_batch(500))
    sample = seen[0]
    assert len(sample.unique()) > 4990
    assert abs(sample.std().item() - torch.tensor(1.0).exp().item()) < 5 * 2.72 / (2 * 5000) ** 0.5


def test_kl_is_zero_at_mean_zero_and_variance_one(kl_term):
    zeros = torch.zeros(6, 16, dtype=torch.float64)
    assert kl_term(zeros, zeros, "sum").item() == 0


def test_kl_is_that_of_torch_distributions(kl_term):
    mean, log_variance = moments()
    reference = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(dim=1).mean()
    torch.testing.assert_close(kl_term(mean, log_variance, "sum"), reference)


@pytest.mark.parametrize("dimension", [1, 16, 64])
def test_kl_reductions_differ_by_the_dimension(kl_term, dimension):
    mean, log_variance = moments(dimension=dimension)
    summed, averaged = (kl_term(mean, log_variance, reduction) for reduction in ("sum", "mean"))
    torch.testing.assert_close(summed, dimension * averaged)


@pytest.mark.parametrize(
    ("score", "by_hand"),
    [
        ("harmonic", lambda variance: variance.shape[1] / (1 / variance).sum(dim=1)),
        ("arithmetic", lambda variance: variance.sum(dim=1) / variance.shape[1]),
    ],
)
def test_uncertainty_is_the_mean_variance(make_method, batch, train_step, replay, score, by_hand):
    method = make_method("dul", score=score)
    step = train_step(method, batch)
    _, log_variance = replay(method, batch.images)
    torch.testing.assert_close(step.uncertainty, by_hand(log_variance.exp()))
    prediction = method.eval().predict(batch.images)
    variance = method.log_variance(method.features(batch.images)).exp()
    torch.testing.assert_close(prediction.uncertainty, by_hand(variance))


def test_harmonic_score_is_the_default_and_the_smaller(make_method, batch):
    default, harmonic, arithmetic = (
        make_method("dul", **given).eval().predict(batch.images).uncertainty
        for given in ({}, {"score": "harmonic"}, {"score": "arithmetic"})
    )
    assert torch.equal(default, harmonic)
    assert (harmonic < arithmetic).all()


def test_prediction_is_fc_of_mu_without_sampling(make_method, batch):
    method = make_method("dul").eval()
    prediction = method.predict(batch.images)
    mean = method.mean(method.features(batch.images))
    torch.testing.assert_close(prediction.logits, mean @ method.fc.weight.T + method.fc.bias)
    assert torch.equal(prediction.features, mean)


def test_noise_reaches_the_variance_head_without_kl(make_method, batch, train_step):
    method = make_method("dul", kl_weight=0.0)
    train_step(method, batch).loss.backward()
    assert method.log_variance[3].weight.grad.abs().amax() > 1e-4


def test_sampling_leaves_the_classifier_loss_at_zero_variance(make_method, make_batch, train_step, monkeypatch):
    method, batch = make_method("dul", dimension=16, kl_weight=0.0), make_batch(6)
    mean = torch.randn(6, 16)
    monkeypatch.setattr(method, "gaussian", lambda images: (mean, torch.full_like(mean, -80.0)))
    torch.testing.assert_close(train_step(method, batch).loss, F.cross_entropy(method.fc(mean), batch.labels))
