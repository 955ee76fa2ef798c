import pytest
import torch


@pytest.fixture
def twins(make_method):
    """Return mix-output and rul with the same weights."""

    def make(space):
        mixer, rul = make_method("mix-output", space=space, seed=1), make_method("rul", seed=2)
        mixer.load_state_dict(rul.state_dict())
        return mixer, rul

    return make


def test_mixed_logits_are_the_default_and_give_the_loss_and_gradients_of_rul(
    make_method, twins, batch, train_step
):
    assert make_method("mix-output").space == "logits"
    mixer, rul = twins("logits")
    losses = [train_step(method, batch).loss for method in (mixer, rul)]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-6, atol=1e-7)
    for loss in losses:
        loss.backward()
    for (name, ours), theirs in zip(mixer.named_parameters(), rul.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}")


def test_mixed_logits_equal_rul_to_double_precision(twins, batch, train_step, monkeypatch):
    mean, log_variance = torch.randn(2, 20, 64, dtype=torch.float64)
    losses = []
    for method in twins("logits"):
        monkeypatch.setattr(method.double(), "gaussian", lambda images: (3 * mean, log_variance))
        losses.append(train_step(method, batch).loss)
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-13, atol=0)


def test_mixed_probabilities_are_a_weighted_sum_of_softmaxes(twins, batch, train_step, replay):
    mixer, rul = twins("probabilities")
    for method in (mixer, rul):
        with torch.no_grad():
            method.fc.weight *= 10
    step = train_step(mixer, batch)
    mean, log_variance = (x.double() for x in replay(mixer, batch.images))
    partner = torch.randperm(20).tolist()
    s = log_variance.exp().sum(dim=1) / log_variance.shape[1]
    logits = (mean @ mixer.fc.weight.double().T + mixer.fc.bias.double()).detach()
    terms = []
    for i, j in enumerate(partner):
        p_i, p_j = (logits[k].exp() / logits[k].exp().sum() for k in (i, j))
        mixed = (s[i] * p_i + s[j] * p_j) / (s[i] + s[j])
        terms.append(-0.5 * mixed[batch.labels[i]].log() - 0.5 * mixed[batch.labels[j]].log())
    by_hand = sum(terms) / 20
    torch.testing.assert_close(step.loss, by_hand.float())
    assert abs(train_step(rul, batch).loss - by_hand) > 0.1


def test_mixed_probabilities_stay_finite_where_softmax_underflows(twins, batch, train_step, monkeypatch):
    mixer, _ = twins("probabilities")
    with torch.no_grad():
        mixer.fc.weight *= 1000
    step = train_step(mixer, batch)
    assert step.loss.isfinite()
    step.loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in mixer.parameters())
