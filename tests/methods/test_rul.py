import math
from itertools import combinations

import pytest
import torch
from torch.nn import functional as F

from bench.errors import UsageError


def loss_by_hand(mean, log_variance, labels, group, fc):
    """Return the mean negative log-likelihood of the members' labels over samples and members."""
    mean, weight, bias = (x.detach().double() for x in (mean, fc.weight, fc.bias))
    s = log_variance.double().exp().sum(dim=1) / log_variance.shape[1]
    terms = []
    for members in zip(*(row.tolist() for row in group), strict=True):
        total = sum(s[k] for k in members)
        logits = weight @ sum(s[k] / total * mean[k] for k in members) + bias
        terms += [logits.exp().sum().log() - logits[labels[k]] for k in members]
    return (sum(terms) / len(terms)).float()


def test_mixing_two_features_is_the_default(make_method, batch, train_step, replay):
    method = make_method("rul")
    step = train_step(method, batch)
    mean, log_variance = replay(method, batch.images)
    group = [torch.arange(20), torch.randperm(20)]
    torch.testing.assert_close(step.loss, loss_by_hand(mean, log_variance, batch.labels, group, method.fc))


@pytest.mark.parametrize("mix", [2, 3, 5])
def test_loss_of_mixing_k_features(make_method, batch, train_step, replay, mix):
    method = make_method("rul", mix=mix)
    step = train_step(method, batch)
    mean, log_variance = replay(method, batch.images)
    group = [torch.arange(20), *(torch.randperm(20) for _ in range(mix - 1))]
    torch.testing.assert_close(step.loss, loss_by_hand(mean, log_variance, batch.labels, group, method.fc))


def test_loss_of_mixing_three_features_in_pairs(make_method, batch, train_step, replay):
    method = make_method("rul", mix="C(3,2)")
    step = train_step(method, batch)
    mean, log_variance = replay(method, batch.images)
    three = [torch.arange(20), torch.randperm(20), torch.randperm(20)]
    losses = [
        loss_by_hand(mean, log_variance, batch.labels, two, method.fc)
        for two in [(three[0], three[1]), (three[0], three[2]), (three[1], three[2])]
    ]
    torch.testing.assert_close(step.loss, sum(losses) / 3)


def test_the_ways_of_mixing_differ(make_method, batch, train_step):
    losses = [train_step(make_method("rul", mix=mix), batch).loss.item() for mix in (2, 3, 5, "C(3,2)")]
    assert all(abs(a - b) > 1e-4 for a, b in combinations(losses, 2))


def test_relabelling_gets_the_unmixed_logits_and_s(make_method, batch, train_step, replay):
    method = make_method("rul")
    step = train_step(method, batch)
    mean, log_variance = replay(method, batch.images)
    torch.testing.assert_close(step.logits, mean @ method.fc.weight.T + method.fc.bias)
    torch.testing.assert_close(step.uncertainty, log_variance.exp().sum(dim=1) / log_variance.shape[1])


@pytest.mark.parametrize("mix", [2, 3, 5, "C(3,2)"])
@pytest.mark.parametrize("shift", [-3.0, 2.0])
def test_loss_is_unchanged_when_every_s_is_scaled(make_method, batch, train_step, mix, shift):
    method = make_method("rul", mix=mix)
    before = train_step(method, batch)
    with torch.no_grad():
        method.log_variance[-1].bias += shift
    after = train_step(method, batch)
    torch.testing.assert_close(after.uncertainty, math.exp(shift) * before.uncertainty)
    torch.testing.assert_close(after.loss, before.loss)


@pytest.mark.parametrize("mix", [2, 3, 5, "C(3,2)"])
def test_gradient_flows_through_the_weights_into_the_log_variance_head(make_method, batch, train_step, mix):
    method = make_method("rul", mix=mix)
    train_step(method, batch).loss.backward()
    assert method.log_variance[3].weight.grad.abs().amax() > 1e-4


def perfect(make_method, monkeypatch, labels, s, scale):
    """Return rul with features that show the label, scale · one-hot, and an identity for fc."""
    method = make_method("rul", dimension=10).double()
    torch.nn.init.eye_(method.fc.weight)
    torch.nn.init.zeros_(method.fc.bias)
    mean = scale * F.one_hot(labels, 10).double()
    monkeypatch.setattr(method, "gaussian", lambda images: (mean, s.log()[:, None].expand(-1, 10)))
    return method


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0, 1000.0])
@pytest.mark.parametrize("spread", [0.0, 0.1, 2.0])
def test_loss_cannot_go_under_its_floor(make_method, make_batch, train_step, monkeypatch, scale, spread):
    labels = torch.arange(10).repeat(30)
    s = (spread * torch.randn(300, dtype=torch.float64)).exp()
    method = perfect(make_method, monkeypatch, labels, s, scale)
    loss = train_step(method, make_batch(300)._replace(labels=labels), seed=3).loss
    torch.manual_seed(3)
    floor = math.log(2) * (labels != labels[torch.randperm(300)]).double().mean().item()
    assert loss.item() >= floor - 1e-12
    if spread == 0.0 and scale >= 100.0:
        assert loss.item() == pytest.approx(floor)


def test_floor_of_ten_balanced_classes_is_624_thousandths(make_method, make_batch, train_step, monkeypatch):
    labels = torch.arange(10).repeat(100)
    batch = make_batch(1000)._replace(labels=labels)
    method = perfect(make_method, monkeypatch, labels, torch.ones(1000, dtype=torch.float64), 1000.0)
    losses = [train_step(method, batch, seed).loss.item() for seed in range(50)]
    assert sum(losses) / 50 == pytest.approx(0.624, abs=0.005)


def test_equal_s_is_plain_half_half_mix_up(make_method, batch, train_step, replay):
    method = make_method("rul")
    torch.nn.init.zeros_(method.log_variance[-1].weight)
    step = train_step(method, batch)
    mean, _ = replay(method, batch.images)
    partner = torch.randperm(20)
    logits = method.fc((mean + mean[partner]) / 2)
    halves = [F.cross_entropy(logits, labels) for labels in (batch.labels, batch.labels[partner])]
    torch.testing.assert_close(step.loss, (halves[0] + halves[1]) / 2)


def test_different_label_pairing_reaches_the_loss(make_method, make_batch, train_step, monkeypatch):
    labels = torch.arange(10).repeat(3)
    method = perfect(make_method, monkeypatch, labels, torch.ones(30, dtype=torch.float64), 1000.0)
    method.pairing = "different-label"
    loss = train_step(method, make_batch(30)._replace(labels=labels)).loss
    assert loss.item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("mix", [3, 5, "C(3,2)"])
def test_different_label_pairing_is_refused_for_more_than_two(make_method, mix):
    with pytest.raises(UsageError, match=r"^pairing=different-label needs mix=2, got mix="):
        make_method("rul", mix=mix, pairing="different-label")
