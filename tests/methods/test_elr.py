import pytest
import torch
from torch.nn import functional as F

from bench.plugins.method import Batch


def targets_by_hand(batches, momentum, size=100, classes=10):
    """A loop over steps and samples."""
    targets = torch.zeros(size, classes, dtype=torch.float64)
    for index, logits in batches:
        p = logits.double().softmax(dim=1).clamp(1e-4, 1 - 1e-4)
        for place, row in zip(index.tolist(), p, strict=True):
            targets[place] = momentum * targets[place] + (1 - momentum) * row / row.sum()
    return targets


@pytest.fixture
def steps(make_batch):
    """Three batches of logits, whose samples overlap."""
    labels = make_batch(20).labels
    return [
        (torch.randint(100, (20,)).unique(), Batch(torch.empty(0), labels[:n], torch.empty(0, dtype=torch.long)))
        for n in (20, 20, 20)
    ]


def test_targets_are_running_means_of_each_samples_predictions(make_method, batch, steps):
    method, seen = make_method("elr", momentum=0.6), []
    for index, of_labels in steps:
        logits = 3 * torch.randn(len(index), 10)
        given = batch._replace(labels=of_labels.labels[: len(index)], index=index)
        method.criterion(logits, given, None)
        seen.append((index, logits))
    torch.testing.assert_close(method.targets.double(), targets_by_hand(seen, 0.6), rtol=1e-4, atol=1e-6)


def test_loss_is_cross_entropy_plus_the_log_of_disagreement_with_the_targets(make_method, batch):
    method = make_method("elr", strength=2.0, momentum=0.6)
    earlier, logits = 3 * torch.randn(2, 20, 10, dtype=torch.float64)
    method.double().criterion(earlier, batch, None)
    loss = method.criterion(logits, batch, None)
    targets = targets_by_hand([(batch.index, earlier), (batch.index, logits)], 0.6)[batch.index]
    p = logits.softmax(dim=1)
    by_hand = F.cross_entropy(logits, batch.labels) + 2.0 * (1 - (targets * p).sum(dim=1)).log().mean()
    torch.testing.assert_close(loss, by_hand, rtol=1e-3, atol=0)


def test_targets_are_held_fixed_in_the_slope(make_method, batch):
    method = make_method("elr", strength=2.0, momentum=0.6).double()
    method.targets.uniform_().div_(10)
    before = method.targets.clone()
    logits = torch.randn(20, 10, dtype=torch.float64, requires_grad=True)
    method.criterion(logits, batch, None).backward()
    p = logits.detach().softmax(dim=1)
    fixed = 0.6 * before[batch.index] + 0.4 * p

    def by_hand(values):
        agreement = (1 - (fixed * values.softmax(dim=1)).sum(dim=1)).log().mean()
        return F.cross_entropy(values, batch.labels) + 2.0 * agreement

    free = logits.detach().requires_grad_()
    torch.testing.assert_close(logits.grad, torch.autograd.grad(by_hand(free), free)[0], rtol=1e-4, atol=1e-8)


def test_targets_travel_with_the_state(make_method, batch, train_step):
    method = make_method("elr")
    train_step(method, batch)
    other = make_method("elr", seed=1)
    other.load_state_dict(method.state_dict())
    assert torch.equal(other.targets, method.targets)
    assert (method.targets[batch.index] > 0).any()
