import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import nn

from bench.errors import UsageError
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Progress


@pytest.fixture
def small(make_method):
    def make(**given):
        return make_method("confidnet", inner=MethodFactory("baseline", {"dimension": 3}), **given)

    return make


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(before, after):
    return before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


def test_four_layers_of_400_stand_between_features_and_confidence(small):
    shapes = [tuple(layer.weight.shape) for layer in small().confidence if isinstance(layer, nn.Linear)]
    assert shapes == [(400, 3), (400, 400), (400, 400), (400, 400), (1, 400)]
    assert sum(isinstance(layer, nn.ReLU) for layer in small().confidence) == 4


def test_adam_at_a_ten_thousandth_for_a_number_of_steps(small, monkeypatch):
    made, steps = [], []

    class Watched(torch.optim.Adam):
        def __init__(self, parameters, **options):
            made.append((sum(p.numel() for p in parameters), options))
            super().__init__([nn.Parameter(torch.zeros(1))], **options)

        def step(self):
            steps.append(1)

    def last_bias(net, features):  # of all layers' work, as much as 6,000 steps need to be counted
        return net[-1].bias.expand(len(features), 1)

    monkeypatch.setattr(torch.optim, "Adam", Watched)
    monkeypatch.setattr(type(small().confidence), "forward", last_bias)
    for given in ({}, {"steps": 5, "learning_rate": 0.01}):
        small(**given).requires_grad_(True).regress(torch.randn(300, 3), torch.rand(300, 1))
    size = sum(p.numel() for p in small().confidence.parameters())
    assert made == [(size, {"lr": 1e-4, "fused": True}), (size, {"lr": 0.01, "fused": True})]
    assert len(steps) == 6_000 + 5


def test_the_first_step_descends_the_squared_error(small):
    """Adam's first step is the learning rate times the gradient's sign."""
    method = small(steps=1)
    features, target = torch.randn(50, 3), torch.rand(50, 1)
    before = [parameter.clone().requires_grad_() for parameter in method.confidence.parameters()]
    values = features.double()
    for place in range(0, 10, 2):
        values = values @ before[place].double().T + before[place + 1].double()
        values = values.relu() if place < 8 else 1 / (1 + (-values).exp())
    ((values - target) ** 2).mean().backward()
    method.confidence.requires_grad_(True)
    method.regress(features, target)
    for old, new in zip(before, method.confidence.parameters(), strict=True):
        clear = old.grad.abs() > 1e-6
        torch.testing.assert_close((new - old)[clear], -1e-4 * old.grad[clear].sign(), rtol=0.02, atol=1e-7)


def test_the_confidence_comes_near_to_a_probability_that_features_tell(small):
    method = small(steps=240, learning_rate=1e-3)
    features = torch.rand(500, 3)
    target = features[:, :1] * features[:, 1:2]
    method.confidence.requires_grad_(True)
    method.regress(features, target)
    error = (method.confidence(features).sigmoid() - target).abs().mean()
    assert error < 0.03 < target.std()


def test_finishing_regresses_the_probability_of_the_training_label(small, make_batch, monkeypatch):
    method, train, seen = small(), make_batch(60), []
    monkeypatch.setattr(method, "regress", lambda *given: seen.append(given))
    method.train().finish([train], None)
    ((features, target),) = seen
    with torch.no_grad():
        plain = method.eval().inner.predict(train.images)
    z = plain.logits.double()
    own = [row.exp()[label] / row.exp().sum() for row, label in zip(z, train.labels, strict=True)]
    np.testing.assert_allclose(target.squeeze(1), torch.stack(own), rtol=1e-5)
    torch.testing.assert_close(features, plain.features)


def test_finishing_leaves_the_net_as_it_was(small, make_batch):
    method = small(steps=2).train()
    inner, confidence = weights(method.inner), weights(method.confidence)
    method.finish([make_batch(40)], None)
    assert same(inner, weights(method.inner))
    assert not same(confidence, weights(method.confidence))
    assert method.training
    assert not any(parameter.requires_grad for parameter in method.confidence.parameters())


def test_finishing_again_starts_anew_and_ends_in_the_same_bits(small, make_batch):
    method, ends = small(steps=2), []
    for _ in range(2):
        torch.manual_seed(3)
        method.finish([make_batch(40)], None)
        ends.append(weights(method.confidence))
    assert same(*ends)
    torch.manual_seed(4)
    method.finish([make_batch(40)], None)
    assert not same(ends[0], weights(method.confidence))


def test_training_is_the_inner_methods_to_the_bit(make_method, batch):
    ours, alone = make_method("confidnet"), make_method("baseline")
    steps = [method.train().loss(batch, Progress(1, 2)) for method in (ours, alone)]
    assert not torch.equal(steps[0].loss, steps[1].loss)  # two draws of dropout, one after the other
    ours, after_ours = make_method("confidnet"), torch.rand(3)
    alone, after_alone = make_method("baseline"), torch.rand(3)
    assert torch.equal(after_ours, after_alone)
    assert same(weights(ours.inner), weights(alone))
    trained = {id(p) for group in ours.param_groups(0.1) for p in group["params"]}
    assert trained == {id(p) for p in ours.inner.parameters()}


def test_prediction_is_one_minus_the_confidence_beside_the_nets_logits(small, batch):
    method = small().eval()
    with torch.no_grad():
        found, plain = method.predict(batch.images), method.inner.predict(batch.images)
        logit = method.confidence(plain.features).squeeze(1).numpy().astype(float)
    np.testing.assert_allclose(found.uncertainty, 1 - expit(logit), rtol=1e-6)
    assert torch.equal(found.logits, plain.logits)
    assert torch.equal(found.features, plain.features)


def test_a_method_without_features_is_refused(make_method):
    with pytest.raises(UsageError, match="its inner method must predict features"):
        make_method("confidnet", inner=MethodFactory("deep-ensemble", {"members": 2}))
