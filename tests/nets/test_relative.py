import pytest
import torch

from bench.nets.relative import pairs, random_groups, redraw_same_label, weights
from bench.plugins.method import Progress

CPU = torch.device("cpu")
RELATIVE = ["rul", "mix-output", "loss-attention"]


@pytest.mark.parametrize("members", [2, 3, 5])
@pytest.mark.parametrize("size", [2, 17])
def test_each_sample_comes_first_in_its_group_and_further_rows_are_permutations(size, members):
    group = random_groups(size, members, CPU)
    assert group.shape == (members, size)
    assert group[0].tolist() == list(range(size))
    assert all(sorted(row.tolist()) == list(range(size)) for row in group)


def test_further_rows_are_random_and_differ_from_each_other():
    group = random_groups(50, 5, CPU)
    assert len({tuple(row.tolist()) for row in group}) == 5
    assert not torch.equal(group, random_groups(50, 5, CPU))


def test_random_pairing_is_one_permutation():
    labels = torch.zeros(9, dtype=torch.long)
    torch.manual_seed(4)
    group = pairs(labels, "random")
    torch.manual_seed(4)
    assert torch.equal(group, torch.stack([torch.arange(9), torch.randperm(9)]))


@pytest.mark.parametrize("labels", [[0, 1], [0, 0, 0, 0, 0, 0, 0, 1], [3, 3, 1, 1, 2, 2, 2], list(range(10))])
@pytest.mark.parametrize("seed", range(20))
def test_different_label_pairing_leaves_no_pair_of_one_label(labels, seed):
    torch.manual_seed(seed)
    i, j = pairs(torch.tensor(labels), "different-label")
    assert i.tolist() == list(range(len(labels)))
    assert all(labels[a] != labels[b] for a, b in zip(i, j, strict=True))


def test_different_label_pairing_keeps_the_partners_that_differ_already():
    labels = torch.arange(3).repeat(10)
    torch.manual_seed(5)
    drawn = pairs(labels, "different-label")[1]
    torch.manual_seed(5)
    permutation = torch.randperm(30)
    differs = labels[permutation] != labels
    assert 0 < differs.sum() < 30
    assert torch.equal(drawn[differs], permutation[differs])


def test_different_label_pairing_of_one_label_falls_back_to_the_permutation():
    labels = torch.full((12,), 3)
    torch.manual_seed(6)
    group = pairs(labels, "different-label")
    torch.manual_seed(6)
    assert torch.equal(group[1], torch.randperm(12))


def test_partners_are_redrawn_evenly_among_the_samples_of_other_labels():
    labels = torch.tensor([0, 0, 0, 1, 2])
    drawn = torch.stack([redraw_same_label(torch.arange(5), labels) for _ in range(4000)])
    for sample, others in enumerate([[3, 4], [3, 4], [3, 4], [0, 1, 2, 4], [0, 1, 2, 3]]):
        share = drawn[:, sample].bincount(minlength=5).double() / 4000
        p = 1 / len(others)
        sigma = (p * (1 - p) / 4000) ** 0.5
        assert all(abs(share[k].item() - (p if k in others else 0)) <= 5 * sigma * (k in others) for k in range(5))


def test_weights_are_shares_of_s_and_sum_to_one():
    s = torch.tensor([[1.0, 2.0, 5.0], [3.0, 2.0, 0.0], [4.0, 4.0, 5.0]])
    torch.testing.assert_close(weights(s), torch.tensor([[0.125, 0.25, 0.5], [0.375, 0.25, 0.0], [0.5, 0.5, 0.5]]))
    many = weights(torch.rand(5, 100) + 1e-3)
    torch.testing.assert_close(many.sum(dim=0), torch.ones(100))


@pytest.mark.parametrize("name", RELATIVE)
def test_predict_returns_fc_of_mu_and_the_mean_variance(make_method, batch, name):
    method = make_method(name).eval()
    prediction = method.predict(batch.images)
    feature_map = method.features(batch.images)
    mean, variance = method.mean(feature_map), method.log_variance(feature_map).exp()
    torch.testing.assert_close(prediction.logits, mean @ method.fc.weight.T + method.fc.bias)
    torch.testing.assert_close(prediction.uncertainty, variance.sum(dim=1) / variance.shape[1])
    assert torch.equal(prediction.features, mean)


@pytest.mark.parametrize("name", RELATIVE)
def test_relabelling_gets_fc_of_mu_and_s(make_method, batch, train_step, replay, name):
    method = make_method(name)
    step = train_step(method, batch)
    mean, log_variance = replay(method, batch.images)
    torch.testing.assert_close(step.logits, mean @ method.fc.weight.T + method.fc.bias)
    torch.testing.assert_close(step.uncertainty, log_variance.exp().sum(dim=1) / log_variance.shape[1])


@pytest.mark.parametrize("name", RELATIVE)
def test_pairing_decides_the_pairs_of_the_loss(make_method, make_batch, train_step, monkeypatch, name):
    method, two = make_method(name), make_batch(2)._replace(labels=torch.tensor([0, 1]))
    mean, log_variance = torch.randn(2, 2, 64)
    monkeypatch.setattr(method, "gaussian", lambda images: (mean, log_variance))
    losses = {}
    for pairing in ("random", "different-label"):
        method.pairing = pairing
        losses[pairing] = {round(train_step(method, two, seed).loss.item(), 5) for seed in range(20)}
    assert len(losses["random"]) == 2
    assert len(losses["different-label"]) == 1
    assert losses["different-label"] < losses["random"]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("rul", {}),
        ("rul", {"mix": 3}),
        ("rul", {"mix": "C(3,2)"}),
        ("mix-output", {}),
        ("mix-output", {"space": "probabilities"}),
        ("loss-attention", {}),
    ],
)
def test_gradients_by_mean_and_log_variance_are_those_of_finite_differences(
    make_method, make_batch, monkeypatch, name, given
):
    method, batch = make_method(name, dimension=3, **given), make_batch(5)
    method.fc.double()

    def loss(mean, log_variance):
        monkeypatch.setattr(method, "gaussian", lambda images: (mean, log_variance))
        torch.manual_seed(8)
        return method.loss(batch, Progress(1, 2)).loss

    moments = torch.randn(2, 5, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(loss, [x.clone().requires_grad_() for x in moments])
