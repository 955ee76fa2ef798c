import pytest
import torch


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_loss_is_cross_entropy_weighted_by_the_rest_of_the_probability(
    make_method, batch, train_step, replay, gamma
):
    method = make_method("focal", gamma=gamma)
    step = train_step(method, batch)
    p = method.fc(*replay(method, batch.images)).double().softmax(dim=1)[torch.arange(20), batch.labels]
    torch.testing.assert_close(step.loss.double(), (-((1 - p) ** gamma) * p.log()).mean(), rtol=1e-5, atol=0)


def test_gamma_zero_is_the_baseline(make_method, batch, train_step):
    expected = train_step(make_method("baseline"), batch).loss
    torch.testing.assert_close(train_step(make_method("focal", gamma=0.0), batch).loss, expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_samples_that_are_sure_or_hopeless_have_a_slope(load_method, make_method, batch, gamma):
    """In float32 the probability of the first is 1, that of the second 0."""
    method = make_method("focal", gamma=gamma)
    logits = torch.zeros(20, 10)
    logits[0, batch.labels[0]], logits[1, (batch.labels[1] + 1) % 10] = 200.0, 200.0
    logits.requires_grad_()
    loss = method.criterion(logits, batch, None)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert logits.grad[0].abs().max() == 0
    torch.testing.assert_close(logits.grad[1, batch.labels[1]].item(), -1 / 20)
