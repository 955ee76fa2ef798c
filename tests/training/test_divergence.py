"""A training that has diverged is told from a method that is wrong, with what may help."""

import pytest
import torch
from harness import plugin, run
from torch import nn

from bench.errors import DataError, Declined, PluginError, UsageError
from bench.training.checkpoint import OutOfTime
from bench.training.divergence import HINT, DivergedError, divergence_named, has_diverged

RATES = ["1e30", "1e12", "1e20"]
METHOD = '''
"""A method that fails as methods fail whose weights have diverged."""

import torch
from torch.nn import functional as F

from bench.api import Method, Prediction, Step


class Diverging(Method):
    version = 1

    def __init__(self, task, make_backbone) -> None:
        super().__init__(task, make_backbone)
        self.linear = torch.nn.Linear(16, task.num_classes)

    def loss(self, batch, progress):
        logits = self.linear(batch.images.flatten(1))
        {in_loss}
        return Step(F.cross_entropy(logits, batch.labels))

    def finish(self, train, held_out):
        {in_finish}

    def predict(self, images):
        logits = self.linear(images.flatten(1))
        {in_predict}
        return Prediction(logits, uncertainty)
'''
USUAL = {"in_loss": "pass", "in_finish": "pass", "in_predict": "uncertainty = -logits.amax(dim=1)"}
BROKEN = "self.linear.weight.data.fill_(torch.nan)"
FAILS = [
    {"in_loss": "logits = logits * torch.inf"},
    {"in_loss": f"{BROKEN}; logits = self.linear(batch.images.flatten(1))"},
    {"in_loss": f"{BROKEN}; torch.multinomial(torch.full((3,), torch.nan), 1)"},
    {"in_finish": f"{BROKEN}; torch.linalg.cholesky(-torch.eye(2))"},
    {"in_finish": f"{BROKEN}; raise ValueError('Input X contains NaN.')"},
    {"in_finish": "self.linear.weight.data.fill_(1e30); raise ValueError('not positive definite')"},
    {"in_predict": "uncertainty = logits.amax(dim=1) * torch.nan"},
    {"in_predict": "uncertainty = logits.amax(dim=1); logits = logits / 0"},
]
WRONG = [
    {"in_loss": "raise ValueError('a fault')"},
    {"in_finish": "torch.linalg.cholesky(-torch.eye(2))"},
    {"in_predict": "uncertainty = logits"},
]


def failure(folder, **parts):
    """Return why a run of the method failed."""
    plugin(folder, "diverging", METHOD.format(**USUAL | parts))
    (done,) = run(folder / "results", folder, methods=["diverging"], epochs=1)
    assert done.status == "failed"
    return done.detail


@pytest.mark.parametrize("parts", FAILS)
def test_what_divergence_brings_about_gets_a_hint(parts, tmp_path):
    said = failure(tmp_path, **parts)
    assert HINT in said
    assert "\n" not in said


@pytest.mark.parametrize("parts", WRONG)
def test_another_fault_gets_none(parts, tmp_path):
    assert HINT not in failure(tmp_path, **parts)


@pytest.mark.parametrize("rate", RATES)
def test_a_rate_that_is_far_too_large_is_named_as_the_cause(rate, tmp_path):
    recipe = {"learning_rate": float(rate), "train_limit": 200, "weight_decay": 0.0}
    (done,) = run(tmp_path, epochs=3, methods=["baseline"], datasets=["digits"], set={"recipe": recipe})
    assert done.status == "failed"
    assert "--set recipe.learning_rate=" in done.detail


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf, 1e9])
def test_weights_that_have_lost_all_measure_are_known(value):
    net = nn.Linear(2, 2)
    assert not has_diverged(net)
    net.weight.data[0, 1] = value
    assert has_diverged(net)


def test_so_are_statistics_of_normalisation():
    net = nn.BatchNorm1d(2)
    assert not has_diverged(net)
    net.running_var[0] = torch.nan
    assert has_diverged(net)


@pytest.mark.parametrize("error", [Declined, OutOfTime, DataError, UsageError])
def test_what_is_no_fault_of_the_training_passes(error):
    net = nn.Linear(1, 1)
    net.weight.data.fill_(torch.nan)
    with pytest.raises(error, match="^reason$"), divergence_named(net):
        raise error("reason")


def test_a_hint_is_given_once():
    net = nn.Linear(1, 1)
    net.weight.data.fill_(torch.nan)
    with pytest.raises(DivergedError) as found, divergence_named(net):
        raise DivergedError("the loss is nan")
    assert str(found.value) == f"the loss is nan; {HINT}"
    with pytest.raises(PluginError, match=f"^no ε; {HINT}"), divergence_named(net):
        raise PluginError("no ε")
