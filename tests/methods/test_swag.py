import numpy as np
import pytest
import torch
from scipy.stats import entropy

from bench.plugins.factory import MethodFactory
from bench.plugins.method import Progress

INNER = MethodFactory("baseline", {"dimension": 8, "dropout": 0.0})


@pytest.fixture
def iterates():
    return torch.randn(7, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def collected(method, iterates):
    """The method with the moments of iterates (T, P) of a net of P weights."""
    for name in ("mean", "square", "deviations"):
        setattr(method, name, getattr(method, name)[..., : iterates.shape[1]].double().clone())
    for weights in iterates:
        method.collect(weights)
    return method


def moments(iterates, rank):
    """Means and the last deviations from the running means, in NumPy."""
    w = iterates.numpy()
    deviations = [row - w[: k + 1].mean(axis=0) for k, row in enumerate(w)]
    return w.mean(axis=0), (w**2).mean(axis=0), np.array(deviations[-rank:])


@pytest.mark.parametrize("rank", [3, 20])
def test_moments_are_those_of_the_iterates(make_method, iterates, rank):
    method = collected(make_method("swag", inner=INNER, rank=rank), iterates)
    mean, square, deviations = moments(iterates, rank)
    np.testing.assert_allclose(method.mean.numpy(), mean, rtol=1e-9)
    np.testing.assert_allclose(method.square.numpy(), square, rtol=1e-9)
    ring = method.deviations[: len(deviations)].numpy()
    ours = np.roll(ring, -(len(iterates) % rank), axis=0) if len(iterates) > rank else ring
    np.testing.assert_allclose(ours, deviations, rtol=1e-9, atol=1e-12)


def test_drawn_weights_have_the_mean_and_covariance_of_equation_1(make_method, iterates):
    method = collected(make_method("swag", inner=INNER, rank=3, scale=0.5), iterates)
    drawn = np.stack([method.drawn(seed).numpy() for seed in range(1, 40_001)])
    mean, square, deviations = moments(iterates, 3)
    covariance = 0.5 * (np.diag(square - mean**2) + deviations.T @ deviations / 2)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.05)
    assert torch.equal(method.drawn(4), method.drawn(4))


def test_weights_are_collected_at_the_ends_of_the_last_quarters_epochs(make_method, batch):
    method = make_method("swag", inner=INNER)
    seen = []
    method.collect = lambda weights: seen.append(len(weights))
    for epoch in range(1, 9):
        method.before_epoch([], Progress(epoch, 8))
    assert len(seen) == 1  # of epoch 7; that of epoch 8 is collected in the end
    method.finish([batch], None)
    assert seen == 2 * [sum(p.numel() for p in method.inner.parameters())]


def test_without_spread_it_predicts_as_the_net_at_the_mean(make_method, batch):
    method = make_method("swag", inner=INNER, scale=0.0, samples=3)
    method.finish([batch], None)
    with torch.no_grad():
        found = method.eval().predict(batch.images)
        method.inner.train()  # the statistics are those of this batch, its variance that of a sample
        logits = method.inner.predict(batch.images).logits.double()
    p = found.logits.exp().numpy()
    np.testing.assert_allclose(p, logits.softmax(dim=1).numpy(), atol=0.05)
    np.testing.assert_allclose(found.uncertainty.numpy(), entropy(p, axis=1), rtol=1e-6)


def test_drawing_nets_leaves_the_trained_one_as_it_is(make_method, batch):
    method = make_method("swag", inner=INNER, samples=3)
    method.collect(method._weights() + 0.1)
    before = {name: value.clone() for name, value in method.inner.state_dict().items()}
    method.finish([batch], None)
    method.eval().predict(batch.images)
    after = method.inner.state_dict()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []


def test_statistics_are_means_over_images_whatever_the_batches_and_those_before(make_method, batch):
    method = make_method("swag", inner=INNER, samples=1, scale=0.0)
    for norm in method._norms():
        norm.running_mean.fill_(7.0)
    first = method._norms()[0]
    seen = []
    first.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach().clone()))
    parts = [batch.images[:5], batch.images[5:8]]
    method._set_statistics(parts)
    values = [each.transpose(0, 1).flatten(1).double() for each in seen]
    sizes = [len(part) for part in parts]
    expected = sum(size * each.mean(dim=1) for size, each in zip(sizes, values, strict=True)) / sum(sizes)
    torch.testing.assert_close(first.running_mean.double(), expected, rtol=1e-4, atol=1e-5)


def test_the_mean_is_over_the_probabilities_of_all_drawn_nets(make_method, batch):
    method = make_method("swag", inner=INNER, samples=4)
    method.collect(method._weights() + 0.1 * torch.randn(len(method.mean)))
    method.finish([batch], None)
    method.eval()
    with torch.no_grad():
        each = []
        for seed, statistics in zip(method.seeds.tolist(), method.statistics, strict=True):
            with method._as(method.drawn(seed), statistics):
                each.append(method.inner.predict(batch.images).logits.double().softmax(dim=1))
        found = method.predict(batch.images)
    assert not torch.allclose(each[0], each[1])
    torch.testing.assert_close(found.logits.exp(), torch.stack(each).mean(dim=0), rtol=1e-6, atol=1e-9)
