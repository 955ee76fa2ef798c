import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from bench.plugins.method import Batch, Progress


class ByHand:
    """Algorithm 1 sample by sample, in float64."""

    def __init__(self, momentum):
        self.momentum, self.targets = momentum, {}

    def move(self, logits, labels, index):
        for row, label, place in zip(softmax(logits, axis=1), labels, index, strict=True):
            former = self.targets.get(place, np.eye(10)[label])
            self.targets[place] = self.momentum * former + (1 - self.momentum) * row
        return np.stack([self.targets[place] for place in index])

    def loss(self, logits, labels, index):
        targets = self.move(logits, labels, index)
        losses = [-(t @ row) for t, row in zip(targets, log_softmax(logits, axis=1), strict=True)]
        return np.average(losses, weights=targets.max(axis=1))


def steps(labels):
    """Three batches of logits, whose samples overlap."""
    for _ in range(3):
        index = torch.randperm(100)[:20]
        yield 3 * torch.randn(20, 10), Batch(torch.empty(0), labels[index], index)


def test_targets_and_loss_are_those_of_the_algorithm(make_method):
    method, by_hand = make_method("self-adaptive-training", momentum=0.7), ByHand(0.7)
    for logits, batch in steps(torch.randint(10, (100,))):
        loss = method.weighted(logits, method.moved(logits, batch))
        expected = by_hand.loss(logits.double().numpy(), batch.labels.numpy(), batch.index.tolist())
        assert loss.item() == pytest.approx(expected, rel=1e-5)
    for place in range(100):
        expected = by_hand.targets.get(place, np.zeros(10))
        np.testing.assert_allclose(method.targets[place].numpy(), expected, rtol=1e-4, atol=1e-7)


def test_the_abstaining_loss_trusts_the_label_as_far_as_the_target_does(make_method):
    method, by_hand = make_method("self-adaptive-training", variant="abstain", momentum=0.7), ByHand(0.7)
    for logits, batch in steps(torch.randint(10, (100,))):
        c = torch.randn(20, 1)
        loss = method.selective(logits, c, method.moved(logits, batch), batch.labels)
        t = by_hand.move(logits.double().numpy(), batch.labels.numpy(), batch.index.tolist())
        log_p = log_softmax(torch.cat([logits, c], dim=1).double().numpy(), axis=1)
        rows, labels = np.arange(20), batch.labels.numpy()
        trust = t[rows, labels]
        expected = -(trust * log_p[rows, labels] + (1 - trust) * log_p[:, 10]).mean()
        assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_before_the_start_it_is_cross_entropy_and_targets_rest(make_method, batch):
    method = make_method("self-adaptive-training", dropout=0.0).train()
    for epoch, plain in ((3, True), (4, False)):
        step = method.loss(batch, Progress(epoch, 10))
        expected = -log_softmax(step.logits.numpy(), axis=1)[np.arange(20), batch.labels].mean()
        assert (step.loss.item() == pytest.approx(expected, rel=1e-5)) == plain
        assert (not method.targets.any()) == plain


def test_targets_are_held_fixed_in_the_slope(make_method, batch):
    method = make_method("self-adaptive-training")
    logits = torch.randn(20, 10, requires_grad=True)
    targets = method.moved(logits, batch)
    assert not targets.requires_grad
    method.weighted(logits, targets).backward()
    weights = targets.amax(dim=1, keepdim=True) / targets.amax(dim=1).sum()
    torch.testing.assert_close(logits.grad, weights * (logits.detach().softmax(dim=1) - targets))


def test_uncertainty_is_one_minus_max_softmax_or_the_probability_to_abstain(make_method, batch):
    for variant in ("weighted", "abstain"):
        method = make_method("self-adaptive-training", variant=variant).eval()
        with torch.no_grad():
            found = method.predict(batch.images)
            outputs = [found.logits] + ([method.abstention(found.features)] if variant == "abstain" else [])
        p = softmax(torch.cat(outputs, dim=1).double().numpy(), axis=1)
        expected = p[:, -1] if variant == "abstain" else 1 - p.max(axis=1)
        np.testing.assert_allclose(found.uncertainty.numpy(), expected, rtol=1e-4)
