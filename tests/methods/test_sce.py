import math

import torch


def test_loss_is_cross_entropy_and_reverse_cross_entropy(make_method, batch, train_step, replay):
    method = make_method("sce", alpha=0.4, beta=0.3)
    step = train_step(method, batch)
    p = method.fc(*replay(method, batch.images)).double().softmax(dim=1)
    label = torch.nn.functional.one_hot(batch.labels, 10).double()
    reverse = -(p * label.clamp(min=1e-4).log()).sum(dim=1)  # the label's zeros as 10⁻⁴
    plain = -(label * p.log()).sum(dim=1)
    torch.testing.assert_close(step.loss.double(), (0.4 * plain + 0.3 * reverse).mean(), rtol=1e-5, atol=0)


def test_its_defaults_are_those_published_for_cifar10(make_method):
    method = make_method("sce")
    assert (method.alpha, method.beta) == (0.1, 1.0)


def test_the_reverse_part_is_bounded(make_method, batch):
    logits = torch.zeros(20, 10)
    logits[torch.arange(20), (batch.labels + 1) % 10] = 500.0
    worst = make_method("sce", alpha=0.0).criterion(logits, batch, None)
    torch.testing.assert_close(worst.item(), 4 * math.log(10))
