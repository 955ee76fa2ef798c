import pytest
import torch
from torch.nn import functional as F


def test_loss_weighs_the_two_losses_of_each_pair(make_method, batch, train_step, replay):
    method = make_method("loss-attention")
    step = train_step(method, batch)
    mean, log_variance = (x.double() for x in replay(method, batch.images))
    partner = torch.randperm(20).tolist()
    s = log_variance.exp().sum(dim=1) / log_variance.shape[1]
    logits = (mean @ method.fc.weight.double().T + method.fc.bias.double()).detach()
    own = [logits[i].exp().sum().log() - logits[i, label] for i, label in enumerate(batch.labels)]
    terms = []
    for i, j in enumerate(partner):
        w = s[i] / (s[i] + s[j])
        terms.append(w * own[i] + (1 - w) * own[j])
    torch.testing.assert_close(step.loss, (sum(terms) / 20).float())


def test_equal_s_is_plain_cross_entropy(make_method, batch, train_step, replay):
    method = make_method("loss-attention")
    torch.nn.init.zeros_(method.log_variance[-1].weight)
    step = train_step(method, batch)
    mean, _ = replay(method, batch.images)
    torch.testing.assert_close(step.loss, F.cross_entropy(method.fc(mean), batch.labels))


@pytest.mark.parametrize("seed", range(10))
def test_descent_moves_weight_to_the_sample_of_smaller_loss(
    make_method, make_batch, train_step, monkeypatch, seed
):
    method, pair = make_method("loss-attention", pairing="different-label"), make_batch(2)
    torch.manual_seed(seed)
    mean, log_variance = 3 * torch.randn(2, 64), torch.randn(2, 64, requires_grad=True)
    labels = torch.tensor([4, 7])
    losses = F.cross_entropy(method.fc(mean), labels, reduction="none")
    assert abs(losses[0] - losses[1]) > 0.01
    monkeypatch.setattr(method, "gaussian", lambda images: (mean, log_variance))

    train_step(method, pair._replace(labels=labels)).loss.backward()
    before, after = (
        s / s.sum()
        for s in (x.detach().exp().mean(dim=1) for x in (log_variance, log_variance - log_variance.grad))
    )
    easy = losses.argmin()
    assert after[easy] > before[easy] + 1e-6
