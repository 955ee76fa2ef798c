from functools import partial

import pytest
import torch

from bench.errors import UsageError
from bench.nets.backbones import make_backbone
from bench.nets.wrapper import Wrapper, feature_width, learnt
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Batch, Progress, Task

TASK = Task(num_classes=10, image_shape=(1, 8, 8), train_size=100, epochs=2, noise_rate=None)


class Bare(Wrapper):
    def predict(self, images):
        return self.inner.predict(images)


@pytest.fixture
def wrap():
    def make(name, seed=0, **hyperparameters):
        torch.manual_seed(seed)
        backbone = partial(make_backbone, "cnn-16-32-64", TASK.image_shape, torch.float32)
        return Bare(TASK, backbone, inner=MethodFactory(name, hyperparameters))

    return make


@pytest.mark.parametrize("name", ["baseline", "dul", "scn"])
def test_training_is_that_of_the_inner_method(wrap, make_method, batch, name):
    wrapped, alone = wrap(name, dimension=8), make_method(name, dimension=8)
    steps = []
    for method in (wrapped, alone):
        torch.manual_seed(1)
        steps.append(method.train().loss(batch, Progress(1, 2)))
        steps[-1].loss.backward()
    assert torch.equal(steps[0].loss, steps[1].loss)
    assert torch.equal(steps[0].logits, steps[1].logits)
    ours, theirs = ([p.grad for g in m.param_groups(0.1) for p in g["params"]] for m in (wrapped, alone))
    assert len(ours) == len(theirs)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_inner_methods_hooks_are_called(wrap, batch, monkeypatch):
    wrapped, seen = wrap("baseline"), []
    for hook in ("make_optimizer", "before_epoch", "backward", "after_step"):
        monkeypatch.setattr(wrapped.inner, hook, lambda *given, hook=hook: seen.append((hook, *given)))
    wrapped.make_optimizer([])
    wrapped.before_epoch([batch], Progress(1, 2))
    again = batch.images.sum
    wrapped.backward(batch.images.sum(), again)
    wrapped.after_step(Progress(1, 2), 3)
    assert seen == [
        ("make_optimizer", []),
        ("before_epoch", [batch], Progress(1, 2)),
        ("backward", batch.images.sum(), again),
        ("after_step", Progress(1, 2), 3),
    ]


def test_the_inner_method_is_finished_with_the_same_batches(wrap, batch, monkeypatch):
    wrapped, seen = wrap("baseline"), []
    monkeypatch.setattr(wrapped.inner, "finish", lambda *parts: seen.append(parts))
    wrapped.finish([batch], None)
    assert seen == [([batch], None)]


def test_logits_are_log_probabilities_if_the_inner_methods_are(wrap):
    assert wrap("evidential").normalised_logits
    assert not wrap("baseline").normalised_logits
    assert not Bare.normalised_logits


@pytest.mark.parametrize("training", [True, False])
def test_what_was_learnt_is_predicted_in_eval_mode_without_gradients_batch_by_batch(wrap, batch, training):
    wrapped = wrap("baseline").train(training)
    parts = [Batch(*(values[part] for values in batch[:3])) for part in (slice(0, 13), slice(13, 20))]
    before = {name: value.clone() for name, value in wrapped.state_dict().items()}
    prediction, labels = learnt(wrapped, parts)
    assert wrapped.training is training
    assert all(torch.equal(value, before[name]) for name, value in wrapped.state_dict().items())
    expected = wrapped.eval().predict(batch.images)
    for ours, theirs in zip(prediction, expected, strict=True):
        torch.testing.assert_close(ours, theirs.detach())
        assert not ours.requires_grad
    assert torch.equal(labels, batch.labels)


def test_what_was_learnt_has_no_features_where_the_method_predicts_none(wrap, batch):
    assert learnt(wrap("deep-ensemble", members=2), [batch, batch])[0].features is None


def test_the_width_of_features_is_found_and_leaves_no_trace(wrap):
    wrapped = wrap("mc-dropout", inner=MethodFactory("baseline", {"dimension": 7})).train()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    assert feature_width(wrapped, TASK) == 7
    assert torch.equal(torch.rand(1), expected)
    assert wrapped.training


def test_a_method_without_features_is_refused(wrap):
    with pytest.raises(UsageError, match="its inner method must predict features"):
        feature_width(wrap("deep-ensemble", members=2), TASK)
