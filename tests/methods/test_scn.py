import math

import pytest
import torch
from torch.nn import functional as F


def attention_of(method, mean):
    return 1 / (1 + (-(mean @ method.attention.weight.T + method.attention.bias)).exp())


def rank_by_hand(attention, ratio, margin):
    ordered = sorted(attention.flatten().tolist(), reverse=True)
    high = max(1, int(ratio * len(ordered)))
    gap = sum(ordered[:high]) / high - sum(ordered[high:]) / (len(ordered) - high)
    return max(0.0, margin - gap)


def with_attention(method, attention, monkeypatch):
    """Let the method see embeddings whose first coordinate alone decides the attention (B,)."""
    mean = torch.randn(len(attention), method.fc.in_features)
    mean[:, 0] = (attention / (1 - attention)).log()
    with torch.no_grad():
        method.attention.bias.zero_()
        method.attention.weight.zero_()[0, 0] = 1
    monkeypatch.setattr(method, "embed", lambda images: mean)
    return mean


@pytest.mark.parametrize(("size", "ratio"), [(20, 0.7), (19, 0.7), (2, 0.7), (20, 0.5), (7, 0.25), (3, 0.3)])
def test_loss_is_weighted_cross_entropy_plus_rank_term(make_method, make_batch, train_step, replay, size, ratio):
    method, batch = make_method("scn", ratio=ratio, margin=0.9), make_batch(size)
    step = train_step(method, batch)
    (mean,) = replay(method, batch.images)
    attention = attention_of(method, mean).detach()
    logits = attention * (mean @ method.fc.weight.T + method.fc.bias)
    rank = rank_by_hand(attention, ratio, 0.9)
    assert rank > 0
    likelihood = logits.softmax(dim=1)[torch.arange(size), batch.labels]
    torch.testing.assert_close(step.loss, -likelihood.log().mean() + rank)
    torch.testing.assert_close(step.logits, logits)
    torch.testing.assert_close(step.uncertainty, 1 - attention.squeeze(1))


@pytest.mark.parametrize(("low", "rank"), [(0.85, 0.02), (0.83, 0.0), (0.2, 0.0)])
def test_rank_term_is_zero_once_the_margin_holds(make_method, make_batch, train_step, monkeypatch, low, rank):
    method, batch = make_method("scn"), make_batch(10)
    attention = torch.tensor([0.9] * 7 + [low] * 3)[torch.randperm(10)]
    mean = with_attention(method, attention, monkeypatch)
    cross_entropy = F.cross_entropy(attention[:, None] * method.fc(mean), batch.labels)
    torch.testing.assert_close(
        train_step(method, batch).loss - cross_entropy, torch.tensor(rank), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(
    ("size", "given", "margin"),
    [
        (64, {}, 0.07),
        (511, {}, 0.07),
        (512, {}, 0.15),
        (1024, {}, 0.15),
        (64, {"margin": 0.3}, 0.3),
        (512, {"margin": 0.3}, 0.3),
        (512, {"margin": 0.0}, 0.0),
    ],
)
def test_rank_term_of_equal_attentions_is_the_margin(
    make_method, make_batch, train_step, monkeypatch, size, given, margin
):
    method, batch = make_method("scn", **given), make_batch(size)
    mean = with_attention(method, torch.full((size,), 0.5), monkeypatch)
    cross_entropy = F.cross_entropy(0.5 * method.fc(mean), batch.labels)
    torch.testing.assert_close(
        train_step(method, batch).loss - cross_entropy, torch.tensor(margin), atol=1e-6, rtol=0
    )


def test_rank_term_pushes_high_attentions_up_and_low_ones_down(make_method, make_batch, train_step, monkeypatch):
    method, batch = make_method("scn"), make_batch(10)
    torch.nn.init.zeros_(method.fc.weight)
    torch.nn.init.zeros_(method.fc.bias)
    mean = with_attention(method, torch.linspace(0.50, 0.53, 10), monkeypatch).requires_grad_()
    train_step(method, batch).loss.backward()
    assert (mean.grad[3:, 0] < 0).all()
    assert (mean.grad[:3, 0] > 0).all()


def test_predict_weighs_the_logits_and_returns_one_minus_attention(make_method, batch):
    method = make_method("scn").eval()
    prediction = method.predict(batch.images)
    mean = method.mean(method.features(batch.images))
    attention = attention_of(method, mean)
    torch.testing.assert_close(prediction.logits, attention * (mean @ method.fc.weight.T + method.fc.bias))
    torch.testing.assert_close(prediction.uncertainty, 1 - attention.squeeze(1), check_dtype=False)
    assert torch.equal(prediction.features, mean)


def test_uncertainty_of_very_sure_samples_does_not_round_to_zero(make_method, batch, monkeypatch):
    method = make_method("scn").eval()
    mean = with_attention(method, torch.full((2,), 0.5), monkeypatch)
    mean[:, 0] = torch.tensor([40.0, 50.0])
    by_hand = torch.tensor([1 / (1 + math.exp(40)), 1 / (1 + math.exp(50))], dtype=torch.float64)
    torch.testing.assert_close(method.predict(batch.images[:2]).uncertainty, by_hand, rtol=1e-6, atol=0)
