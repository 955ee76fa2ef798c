import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy

from bench.errors import UsageError
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Progress, Step


@pytest.fixture
def single():
    """Return a factory of the default inner method, with small heads."""
    return MethodFactory("baseline", {"dimension": 8})


def test_five_members_and_the_entropy_are_the_default(make_method):
    method = make_method("deep-ensemble")
    assert (len(method.members), method.score) == (5, "entropy")


def test_members_start_from_different_weights_the_first_as_alone(make_method, single):
    method = make_method("deep-ensemble", inner=single, members=3, seed=4)
    weights = [member.backbone.net[0].weight for member in method.members]
    assert all(not torch.equal(weights[a], weights[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    alone = make_method("baseline", dimension=8, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(method.members[0].parameters(), alone.parameters(), strict=True))


def test_a_member_whose_steps_need_a_pass_of_its_own_is_refused(make_method, monkeypatch):
    inner = MethodFactory("baseline", {"dimension": 8})
    make_method("deep-ensemble", inner=MethodFactory("mc-dropout", {}), members=1)  # a wrapper has none
    monkeypatch.setattr(inner.method, "backward", lambda self, loss, again: None)
    with pytest.raises(UsageError, match="its inner method has a backward of its own: choose another"):
        make_method("deep-ensemble", inner=inner, members=2)


@pytest.mark.parametrize("inner", ["baseline", "rul", "scn"])
def test_the_loss_is_the_sum_and_each_member_has_the_gradients_it_had_alone(make_method, batch, inner):
    method = make_method("deep-ensemble", inner=MethodFactory(inner, {"dimension": 8}), members=3).train()
    torch.manual_seed(1)
    total = method.loss(batch, Progress(1, 2)).loss
    total.backward()
    together = [[p.grad.clone() for p in member.parameters()] for member in method.members]
    method.zero_grad()
    torch.manual_seed(1)
    losses = []
    for member, before in zip(method.members, together, strict=True):
        losses.append(member.loss(batch, Progress(1, 2)).loss)
        losses[-1].backward()
        for ours, theirs in zip(before, member.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs.grad, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(total, losses[0] + losses[1] + losses[2])


def test_a_step_of_the_optimiser_moves_each_member_as_it_would_alone(make_method, batch, single):
    method = make_method("deep-ensemble", inner=single, members=2, seed=4).train()
    alone = make_method("baseline", dimension=8, seed=4).train()
    for each in (method, alone):
        optimizer = torch.optim.SGD(each.param_groups(0.1), lr=0.1, momentum=0.9, weight_decay=0.01)
        torch.manual_seed(6)
        each.loss(batch, Progress(1, 2)).loss.backward()
        optimizer.step()
    for ours, theirs in zip(method.members[0].parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("score", ["entropy", "mutual-information"])
def test_prediction_is_the_mean_probability_of_the_members(make_method, batch, single, score):
    method = make_method("deep-ensemble", inner=single, members=3, score=score).eval()
    with torch.no_grad():
        found = method.predict(batch.images)
        members = [member.predict(batch.images).logits.numpy().astype(float) for member in method.members]
    p = softmax(np.stack(members), axis=2)
    np.testing.assert_allclose(found.logits.exp(), p.mean(axis=0), rtol=1e-6)
    information = entropy(p.mean(axis=0), axis=1) - entropy(p, axis=2).mean(axis=0)
    expected = entropy(p.mean(axis=0), axis=1) if score == "entropy" else information
    np.testing.assert_allclose(found.uncertainty, expected, rtol=1e-6, atol=1e-10)
    assert found.features is None
    assert method.normalised_logits


def test_relabelling_gets_the_mean_of_the_members_train_mode_outputs(make_method, batch, single):
    method = make_method("deep-ensemble", inner=single, members=3).train()
    torch.manual_seed(1)
    step = method.loss(batch, Progress(1, 2))
    torch.manual_seed(1)
    logits = torch.stack([member.loss(batch, Progress(1, 2)).logits for member in method.members])
    p = softmax(logits.detach().numpy().astype(float), axis=2).mean(axis=0)
    np.testing.assert_allclose(step.logits.exp(), p, rtol=1e-5)
    np.testing.assert_allclose(step.uncertainty, entropy(p, axis=1), rtol=1e-5)


def test_a_member_that_hands_over_no_logits_leaves_the_step_without(make_method, batch, single, monkeypatch):
    method = make_method("deep-ensemble", inner=single, members=2).train()
    monkeypatch.setattr(method.members[1], "loss", lambda *_: Step(torch.ones(())))
    step = method.loss(batch, Progress(1, 2))
    assert (step.logits, step.uncertainty) == (None, None)
    assert step.loss.isfinite()


def test_each_member_is_finished(make_method, batch, single, monkeypatch):
    method, seen = make_method("deep-ensemble", inner=single, members=3), []
    for member in method.members:
        monkeypatch.setattr(member, "finish", lambda *parts: seen.append(parts))
    method.finish([batch], None)
    assert seen == [([batch], None)] * 3


def test_one_member_is_that_member(make_method, batch):
    method = make_method("deep-ensemble", members=1, score="mutual-information").eval()
    found, alone = method.predict(batch.images), method.members[0].predict(batch.images)
    torch.testing.assert_close(found.logits, alone.logits.double().log_softmax(dim=1))
    np.testing.assert_allclose(found.uncertainty.detach(), 0, atol=1e-12)
