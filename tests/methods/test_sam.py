import numpy as np
import pytest
import torch
from harness import PLUGINS, TASK
from scipy.special import softmax

from bench.errors import UsageError
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Batch, Progress
from bench.plugins.registry import Registry

LINEAR = MethodFactory("dummy", {}, Registry([PLUGINS]))


def slope(weight, bias, images, labels):
    """∇ of the mean cross-entropy of a linear classifier, in NumPy."""
    error = softmax(images @ weight.T + bias, axis=1) - np.eye(len(weight))[labels]
    return error.T @ images / len(images), error.mean(axis=0)


@pytest.mark.parametrize("radius", [0.05, 1.0])
def test_gradients_are_those_at_the_weights_uphill(load_method, radius):
    torch.manual_seed(0)
    method = load_method("sam")(TASK, lambda: None, inner=LINEAR, radius=radius).double().train()
    images = torch.randn(12, 1, 4, 4, dtype=torch.float64)
    batch = Batch(images, torch.arange(12) % 3, torch.arange(12))
    linear = method.inner.linear
    before = [value.detach().clone() for value in (linear.weight, linear.bias)]
    method.backward(method.loss(batch, Progress(1, 2)).loss, lambda: method.loss(batch, Progress(1, 2)).loss)
    pixels, labels = images.flatten(1).numpy(), batch.labels.numpy()
    weight, bias = (value.numpy() for value in before)
    first = slope(weight, bias, pixels, labels)
    norm = np.sqrt(sum((part**2).sum() for part in first))
    moved = [value + radius * part / norm for value, part in zip((weight, bias), first, strict=True)]
    expected = slope(*moved, pixels, labels)
    np.testing.assert_allclose(linear.weight.grad.numpy(), expected[0], rtol=1e-9)
    np.testing.assert_allclose(linear.bias.grad.numpy(), expected[1], rtol=1e-9)
    assert torch.equal(linear.weight, before[0])
    assert torch.equal(linear.bias, before[1])


def test_statistics_of_normalisations_are_those_of_the_first_pass(make_method, batch):
    inner = MethodFactory("baseline", {"dimension": 8, "dropout": 0.0})
    plain, method = make_method("baseline", dimension=8, dropout=0.0), make_method("sam", inner=inner)
    plain.train().loss(batch, Progress(1, 2))
    loss = method.train().loss(batch, Progress(1, 2)).loss
    method.backward(loss, lambda: method.loss(batch, Progress(1, 2)).loss)
    assert all(torch.equal(a, b) for a, b in zip(plain.buffers(), method.inner.buffers(), strict=True))
    assert all(p.grad is not None for p in method.parameters())


def test_a_radius_near_zero_trains_as_the_inner_method_does(make_method, batch):
    inner = MethodFactory("baseline", {"dimension": 8, "dropout": 0.0})
    plain, method = make_method("baseline", dimension=8, dropout=0.0), make_method("sam", inner=inner, radius=1e-7)
    plain.train().loss(batch, Progress(1, 2)).loss.backward()
    method.backward(
        method.train().loss(batch, Progress(1, 2)).loss, lambda: method.loss(batch, Progress(1, 2)).loss
    )
    for ours, theirs in zip(method.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-5)


def test_two_of_them_are_refused(make_method):
    with pytest.raises(UsageError, match="has a backward of its own"):
        make_method("sam", inner=MethodFactory("sam", {}))
