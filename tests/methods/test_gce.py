import pytest
import torch

from bench.plugins.method import Progress


def likelihood(method, batch, replay):
    return method.fc(*replay(method, batch.images)).double().softmax(dim=1)[torch.arange(20), batch.labels]


@pytest.mark.parametrize("q", [0.3, 0.7, 1.0])
def test_loss_is_one_minus_a_power_of_the_likelihood(make_method, batch, train_step, replay, q):
    method = make_method("gce", q=q)
    step = train_step(method, batch)
    p = likelihood(method, batch, replay)
    torch.testing.assert_close(step.loss.double(), ((1 - p**q) / q).mean(), rtol=1e-5, atol=0)


def test_near_zero_it_is_cross_entropy_and_at_one_half_the_absolute_error(make_method, batch, train_step, replay):
    near_zero = train_step(make_method("gce", q=1e-3), batch).loss
    torch.testing.assert_close(near_zero, train_step(make_method("baseline"), batch).loss, rtol=5e-3, atol=0)
    method = make_method("gce", q=1.0)
    loss = train_step(method, batch).loss
    p = method.fc(*replay(method, batch.images)).softmax(dim=1)
    error = (p - torch.nn.functional.one_hot(batch.labels, 10)).abs().sum(dim=1)
    torch.testing.assert_close(loss, error.mean() / 2)


def test_truncated_it_is_flat_where_a_label_is_not_believed_after_a_third_of_the_epochs(make_method, batch):
    method = make_method("gce", truncation=0.5)
    logits = torch.zeros(20, 10)
    logits[torch.arange(10), batch.labels[:10]] = 4.0  # likelihood 0.86 for ten samples, 0.1 for the others
    logits.requires_grad_()
    for epoch, is_truncated in ((3, False), (4, True)):
        logits.grad = None
        method.criterion(logits, batch, Progress(epoch, 9)).backward()
        slope = logits.grad.abs().sum(dim=1)
        assert (slope[:10] > 0).all()
        assert ((slope[10:] == 0) == is_truncated).all()


def test_truncated_it_counts_a_label_that_is_not_believed_as_one_at_the_bound(make_method, batch):
    loss = make_method("gce", truncation=0.5, q=0.7).criterion(torch.zeros(20, 10), batch, Progress(9, 9))
    torch.testing.assert_close(loss.item(), (1 - 0.5**0.7) / 0.7)


def test_a_hopeless_sample_has_no_slope_that_is_not_finite(make_method, batch):
    logits = torch.zeros(20, 10)
    logits[torch.arange(20), (batch.labels + 1) % 10] = 500.0
    logits.requires_grad_()
    make_method("gce").criterion(logits, batch, Progress(1, 9)).backward()
    assert logits.grad.isfinite().all()
