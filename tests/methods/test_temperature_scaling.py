import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from bench.plugins.factory import MethodFactory
from bench.plugins.method import Batch


def noisy(size=400, classes=5, scale=4.0, flips=0.3):
    """Logits that are surer than their labels allow, and the labels."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (size,), generator=generator)
    logits = torch.randn(size, classes, generator=generator) + scale * torch.eye(classes)[labels]
    flipped = torch.rand(size, generator=generator) < flips
    return logits.double(), torch.where(flipped, (labels + 1) % classes, labels)


@pytest.fixture
def held_out(make_method, make_batch):
    """Return a batch of which the untrained net is right about three in four."""

    def make(method, size=300):
        part = make_batch(size)
        right = method.eval().inner.predict(part.images).logits.argmax(dim=1)
        return part._replace(labels=torch.where(torch.arange(size) % 4 > 0, right, part.labels))

    return make


def nll(logits, labels, temperature):
    return -log_softmax(logits.numpy() / temperature, axis=1)[np.arange(len(labels)), labels.numpy()].mean()


@pytest.mark.parametrize("flips", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("scale", [2.0, 8.0])
def test_the_temperature_minimises_the_held_out_likelihood(make_method, flips, scale):
    logits, labels = noisy(scale=scale, flips=flips)
    best = minimize_scalar(lambda t: nll(logits, labels, np.exp(t)), bounds=(-5, 5), options={"xatol": 1e-10})
    found = make_method("temperature-scaling").fit(logits, labels)
    assert found == pytest.approx(np.exp(best.x), rel=1e-3)


def test_logits_times_five_have_a_temperature_times_five(make_method):
    logits, labels = noisy()
    method = make_method("temperature-scaling")
    assert method.fit(5 * logits, labels) == pytest.approx(5 * method.fit(logits, labels), rel=1e-3)


def test_the_fit_starts_where_it_is_told_and_goes_no_further_than_it_may(make_method):
    logits, labels = noisy()
    assert make_method("temperature-scaling").initial == 1.5
    few = make_method("temperature-scaling", initial=7.0, iterations=1).fit(logits, labels)
    assert few == pytest.approx(7, rel=0.2)
    assert few != 7


@pytest.mark.parametrize(("factor", "bound"), [(1e-4, 0.01), (1e4, 100.0)])
def test_the_temperature_stays_within_its_bounds(make_method, factor, bound):
    logits, labels = noisy()
    method = make_method("temperature-scaling")
    assert method.fit(factor * logits, labels) == bound
    method.temperature.fill_(bound)
    assert method.remarks() == [f"T is {bound:g}, its bound"]


def test_the_temperature_is_one_where_every_held_out_sample_is_right(make_method, make_batch):
    method, part = make_method("temperature-scaling").eval(), make_batch(50)
    right = method.inner.predict(part.images).logits.argmax(dim=1)
    method.finish(untouched(), [part._replace(labels=right)])
    assert method.temperature == 1
    assert method.remarks() == ["T is 1, as every held-out sample is right"]
    some_wrong = torch.where(torch.arange(50) % 2 == 0, (right + 1) % 10, right)
    method.finish(untouched(), [part._replace(labels=some_wrong)])
    assert method.temperature != 1
    assert method.remarks() == [f"T is {method.temperature.item():.3g}"]


def untouched():
    raise AssertionError("the training images were looked at")
    yield


def test_finishing_fits_to_the_held_out_part_alone(make_method, held_out):
    method = make_method("temperature-scaling")
    assert method.temperature == 1
    part = held_out(method)
    method.train().finish(untouched(), [part])
    assert method.training
    logits = method.eval().inner.predict(part.images).logits.detach().double()
    best = minimize_scalar(lambda t: nll(logits, part.labels, np.exp(t)), bounds=(-5, 5), options={"xatol": 1e-10})
    assert abs(best.x) > 0.1
    assert method.temperature.item() == pytest.approx(np.exp(best.x), rel=1e-3)


def test_finishing_again_in_other_batches_ends_at_the_same_temperature(make_method, held_out):
    method = make_method("temperature-scaling")
    part = held_out(method, 50)
    method.finish([], [part])
    once = method.temperature.clone()
    method.finish([], [Batch(*(values[piece] for values in part[:3])) for piece in (slice(0, 20), slice(20, 50))])
    torch.testing.assert_close(method.temperature, once, rtol=1e-4, atol=0)


def test_prediction_divides_the_logits_and_keeps_their_order(make_method, batch):
    method = make_method("temperature-scaling").eval()
    method.temperature.fill_(2.5)
    found, plain = method.predict(batch.images), method.inner.predict(batch.images)
    torch.testing.assert_close(found.logits, plain.logits / 2.5)
    p = softmax(found.logits.detach().numpy().astype(float), axis=1)
    np.testing.assert_allclose(found.uncertainty.detach(), 1 - p.max(axis=1), rtol=1e-6)
    assert torch.equal(found.features, plain.features)
    assert torch.equal(found.logits.argmax(dim=1), plain.logits.argmax(dim=1))


def test_the_temperature_is_kept_with_the_weights_and_is_not_trained(make_method):
    method = make_method("temperature-scaling", inner=MethodFactory("scn"))
    method.temperature.fill_(3.0)
    again = make_method("temperature-scaling", inner=MethodFactory("scn"), seed=1)
    again.load_state_dict(method.state_dict())
    assert again.temperature == 3
    assert not any(p is method.temperature for group in method.param_groups(0.1) for p in group["params"])


def test_it_needs_a_held_out_part(load_method):
    assert load_method("temperature-scaling").needs_held_out


def test_scaled_log_probabilities_are_normalised_again(make_method, make_batch):
    method = make_method("temperature-scaling", inner=MethodFactory("evidential")).eval()
    assert method.normalised_logits
    images = make_batch(20).images
    method.temperature.fill_(2.5)
    expected = log_softmax(method.inner.predict(images).logits.detach().numpy() / 2.5, axis=1)
    np.testing.assert_allclose(method.predict(images).logits.detach().numpy(), expected, atol=1e-5)
