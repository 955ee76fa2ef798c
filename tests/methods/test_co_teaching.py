import pytest
import torch
from torch.nn import functional as F

from bench.plugins.hyperparameters import declared
from bench.plugins.method import Progress, Task


@pytest.fixture
def told(load_method, make_method):
    """The method on a task whose noise rate it is told."""

    def make(rate, **hyperparameters):
        cls, plain = load_method("co-teaching"), make_method("co-teaching", forget_rate=0.0)
        task = Task(num_classes=10, image_shape=(1, 8, 8), train_size=100, epochs=2, noise_rate=rate)
        backbone = plain.backbone
        return cls(task, lambda: backbone, **hyperparameters)

    return make


def test_each_net_learns_from_the_samples_that_the_other_finds_easiest(make_method, batch):
    method = make_method("co-teaching", forget_rate=0.3, dropout=0.0)
    step = method.train().loss(batch, Progress(100, 200))
    first, second = method.logits(batch.images)
    losses = [
        [-each.log_softmax(dim=1)[i, label] for i, label in enumerate(batch.labels)] for each in (first, second)
    ]
    easy = [sorted(range(20), key=lambda i: of[i].item())[:14] for of in losses]
    assert easy[0] != easy[1]
    of_first = sum(losses[0][i] for i in easy[1]) / 14
    of_second = sum(losses[1][i] for i in easy[0]) / 14
    torch.testing.assert_close(step.loss, of_first + of_second)


def test_no_net_is_descended_by_its_own_choice(make_method, batch):
    """A net's selection enters only the other net's loss; unselected samples have no gradient."""
    method = make_method("co-teaching", forget_rate=0.5, dropout=0.0)
    logits = torch.randn(2, 20, 10, requires_grad=True)
    method.logits = lambda images: logits
    method.loss(batch, Progress(2, 2)).loss.backward()
    easy = torch.stack([F.cross_entropy(each, batch.labels, reduction="none") for each in logits.detach()])
    for net in (0, 1):
        chosen = easy[1 - net].argsort()[:10]
        has_slope = logits.grad[net].abs().sum(dim=1) > 0
        assert set(has_slope.nonzero().flatten().tolist()) == set(chosen.tolist())


@pytest.mark.parametrize(
    ("epoch", "epochs", "kept"),
    [(1, 200, 98), (5, 200, 90), (10, 200, 80), (150, 200, 80), (1, 20, 80), (1, 2, 80)],
)
def test_the_part_that_is_kept_falls_over_a_twentieth_of_the_epochs(make_method, epoch, epochs, kept):
    assert make_method("co-teaching", forget_rate=0.2).kept(100, Progress(epoch, epochs)) == kept


def test_a_batch_of_one_is_kept(make_method):
    assert make_method("co-teaching", forget_rate=0.9).kept(1, Progress(9, 9)) == 1


def test_it_forgets_at_the_true_rate_unless_it_is_told_another(told):
    assert told(0.25).forget_rate == 0.25
    assert told(0.25, forget_rate=0.1).forget_rate == 0.1


def test_prediction_is_the_mean_of_both_nets_probabilities(make_method, batch):
    method = make_method("co-teaching", forget_rate=0.2).eval()
    prediction = method.predict(batch.images)
    one, other = (net.fc(net.embed(batch.images)).softmax(dim=1) for net in (method, method.second))
    assert not torch.equal(one, other)
    mean = (one + other) / 2
    torch.testing.assert_close(prediction.logits, mean.log(), check_dtype=False)
    torch.testing.assert_close(prediction.uncertainty, 1 - mean.amax(dim=1), check_dtype=False)


def test_both_nets_have_the_trunk_that_is_asked_for(load_method, make_method):
    assert {"dimension", "dropout", "forget_rate"} == set(declared(load_method("co-teaching")))
    method = make_method("co-teaching", forget_rate=0.2, dimension=8, dropout=0.1)
    for net in (method, method.second):
        assert (net.fc.in_features, net.dropout) == (8, 0.1)


def test_the_nets_start_apart_the_first_as_every_method_does(make_method):
    method, plain = make_method("co-teaching", forget_rate=0.2), make_method("baseline")
    first, second, usual = (dict(net.backbone.named_parameters()) for net in (method, method.second, plain))
    assert all(torch.equal(first[name], usual[name]) for name in usual)
    assert not all(torch.equal(first[name], second[name]) for name in first)
