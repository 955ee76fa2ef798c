import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import norm

from bench.errors import PluginError
from bench.plugins.method import Progress


def module(method):
    return __import__("sys").modules[type(method).__module__]


def test_the_clean_probability_is_that_of_the_component_of_small_loss(make_method):
    """Against the posterior of the two Gaussians from which the losses were drawn."""
    rng = np.random.default_rng(0)
    clean = rng.random(4000) < 0.6
    losses = np.where(clean, rng.normal(1.0, 0.3, 4000), rng.normal(4.0, 0.8, 4000))
    found = module(make_method("dividemix")).clean_probability(torch.tensor(losses)).numpy()
    small, large = 0.6 * norm.pdf(losses, 1.0, 0.3), 0.4 * norm.pdf(losses, 4.0, 0.8)
    assert np.abs(found - small / (small + large)).mean() < 0.02
    assert ((found > 0.5) == clean).mean() > 0.98


def test_losses_without_spread_are_all_clean(make_method):
    assert module(make_method("dividemix")).clean_probability(torch.full((5,), 2.0)).tolist() == 5 * [1.0]


@pytest.mark.parametrize("net", [0, 1])
def test_targets_are_refined_by_the_other_nets_split_or_guessed_by_both(make_method, batch, net):
    method = make_method("dividemix", threshold=0.4, temperature=0.5)
    method.clean.uniform_()
    guesses = torch.randn(2, 2, 20, 10).softmax(dim=3)
    targets, labelled = method.targets(net, batch, guesses)
    p = guesses.double().numpy()
    for i, (label, place) in enumerate(zip(batch.labels.tolist(), batch.index.tolist(), strict=True)):
        w = method.clean[1 - net, place].item()
        own, both = (p[net, 0, i] + p[net, 1, i]) / 2, (p[0, 0, i] + p[0, 1, i] + p[1, 0, i] + p[1, 1, i]) / 4
        raw = w * np.eye(10)[label] + (1 - w) * own if w > 0.4 else both
        np.testing.assert_allclose(targets[i].numpy(), raw**2 / (raw**2).sum(), rtol=1e-4, atol=1e-7)
        assert labelled[i].item() == (w > 0.4)


@pytest.mark.parametrize("labelled", [range(8), range(20), range(0)], ids=["some", "all", "none"])
def test_the_loss_is_that_of_mixmatch_with_a_uniform_prior(make_method, labelled):
    logits, target = torch.randn(20, 10, dtype=torch.float64), torch.rand(20, 10, dtype=torch.float64)
    target /= target.sum(dim=1, keepdim=True)
    mask = torch.zeros(20, dtype=torch.bool)
    mask[list(labelled)] = True
    loss = module(make_method("dividemix")).mixmatch_loss(logits, target, mask, 7.0)
    p, log_p, t = softmax(logits.numpy(), axis=1), log_softmax(logits.numpy(), axis=1), target.numpy()
    yes, no = mask.numpy(), ~mask.numpy()
    of_label = -(t * log_p).sum(axis=1)[yes].mean() if yes.any() else 0.0
    of_guess = ((p - t)[no] ** 2).mean() if no.any() else 0.0
    penalty = (0.1 * np.log(0.1 / p.mean(axis=0))).sum()
    assert loss.item() == pytest.approx(of_label + 7.0 * of_guess + penalty, rel=1e-6)


def test_the_warm_up_is_the_sum_of_both_nets_cross_entropies(make_method, batch):
    method = make_method("dividemix", dropout=0.0).train()
    step = method.loss(batch, Progress(1, 10))
    logits = method.logits(batch.images).detach().double().numpy()
    expected = -sum(log_softmax(each, axis=1)[np.arange(20), batch.labels].mean() for each in logits)
    assert step.loss.item() == pytest.approx(expected, rel=1e-4)
    with pytest.raises(PluginError, match="second_view"):  # after it, a second view is needed
        method.loss(batch, Progress(2, 10))


def test_the_loss_after_the_warm_up_is_that_of_both_nets_on_mixed_views(make_method, batch, monkeypatch):
    """In NumPy, for nets that are affine in the images, and with mixtures that are known."""
    method = make_method("dividemix", threshold=0.5, unlabelled_weight=5.0).train()
    method.clean.uniform_()
    width, rng = batch.images[0].numel(), np.random.default_rng(0)
    weights = rng.normal(size=(2, width, 10)) / width
    views = np.stack([batch.images.flatten(1).numpy(), rng.normal(size=(20, width))]).astype(np.float64)
    for net, weight in zip((method, method.second), torch.tensor(weights), strict=True):
        monkeypatch.setattr(net, "embed", lambda images, weight=weight: images.flatten(1).double() @ weight)
        monkeypatch.setattr(net, "fc", torch.nn.Identity())
    drawn, order = [0.3, 0.8], rng.permutation(40)
    monkeypatch.setattr(method.ratios, "sample", lambda: torch.tensor(drawn.pop(0)))
    monkeypatch.setattr(torch, "randperm", lambda size, device=None: torch.tensor(order))
    two = batch._replace(second=torch.tensor(views[1]).reshape(batch.images.shape))
    step = method.loss(two, Progress(2, 10))

    p = softmax(np.einsum("vbi,nik->nvbk", views, weights), axis=3)  # (net, view, sample, class)
    total = 0.0
    for net, share in enumerate((0.7, 0.8)):
        clean = method.clean[1 - net, batch.index].double().numpy()[:, None]
        refined = clean * np.eye(10)[batch.labels] + (1 - clean) * p[net].mean(axis=0)
        raw = np.where(clean > 0.5, refined, p.mean(axis=(0, 1))) ** 2
        target = np.tile(raw / raw.sum(axis=1, keepdims=True), (2, 1))
        images = np.concatenate(views)
        mixed, t = (share * each + (1 - share) * each[order] for each in (images, target))
        log_q = log_softmax(mixed @ weights[net], axis=1)
        yes = np.tile(clean[:, 0] > 0.5, 2)
        total += -(t * log_q).sum(axis=1)[yes].mean()
        total += 5.0 * ((np.exp(log_q) - t)[~yes] ** 2).mean()
        total += (0.1 * np.log(0.1 / np.exp(log_q).mean(axis=0))).sum()
    assert step.loss.item() == pytest.approx(total, rel=1e-5)
    np.testing.assert_allclose(step.logits.numpy(), np.einsum("bi,nik->bk", views[0], weights) / 2, rtol=1e-5)


def test_after_the_warm_up_each_net_is_descended_on_mixed_views_and_the_mode_stays(make_method, batch):
    method = make_method("dividemix").train()
    two = batch._replace(second=batch.images.flip(-1))
    method.clean.uniform_()
    step = method.loss(two, Progress(2, 10))
    step.loss.backward()
    assert all(p.grad is not None for p in method.parameters())
    assert all(each.training for each in method.modules())
    assert step.logits.shape == (20, 10)


def test_the_split_comes_before_each_epoch_after_the_warm_up(make_method, make_batch):
    method = make_method("dividemix").train()
    parts = [make_batch(100)]
    method.before_epoch(parts, Progress(1, 10))
    assert (method.clean == 1).all()
    method.before_epoch(parts, Progress(2, 10))
    assert method.training
    with torch.no_grad():
        logits = method.eval().logits(parts[0].images).double().numpy()
    for net in (0, 1):
        losses = -log_softmax(logits[net], axis=1)[np.arange(100), parts[0].labels]
        w = method.clean[net].numpy()
        assert w[losses.argmin()] > 0.5 > w[losses.argmax()]


@pytest.mark.parametrize(("epoch", "part"), [(31, 1 / 16), (38, 0.5), (46, 1.0), (300, 1.0)])
def test_the_weight_of_guesses_rises_over_sixteen_of_three_hundred_epochs(make_method, epoch, part):
    assert make_method("dividemix").risen(Progress(epoch, 300)) == pytest.approx(part)


def test_it_predicts_the_mean_of_both_nets(make_method, batch):
    method = make_method("dividemix").eval()
    with torch.no_grad():
        found, both = method.predict(batch.images), method.logits(batch.images)
    torch.testing.assert_close(found.logits, both.sum(dim=0) / 2)
    expected = 1 - softmax(found.logits.double().numpy(), axis=1).max(axis=1)
    np.testing.assert_allclose(found.uncertainty.numpy(), expected, rtol=1e-4)
