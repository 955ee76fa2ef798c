import pytest
import torch
from torch import nn

from bench.errors import UsageError
from bench.nets.backbones import make_backbone
from bench.plugins.method import Task
from bench.plugins.registry import Registry
from bench.recipe import Recipe
from bench.training.optimizer import make_optimizer
from bench.training.parameter_groups import freeze_first_biases

TASK = Task(10, (3, 16, 16), 48, 2, None)


def method(name="baseline", backbone="airbench94"):
    torch.manual_seed(0)
    made = Registry().find("methods", name).load()
    return made(TASK, lambda: make_backbone(backbone, (3, 16, 16), torch.float32))


def rates(net, recipe):
    """Return (learning rate, weight decay) of each parameter by name."""
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    groups = make_optimizer(net, recipe).param_groups
    return {names[id(p)]: (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}


@pytest.mark.parametrize("name", ["baseline", "rul", "deep-ensemble"])
def test_biases_of_the_backbones_normalisations_have_a_rate_and_decay_of_their_own(name):
    net = method(name)
    found = rates(net, Recipe(learning_rate=0.5, weight_decay=0.01, bias_rate_factor=64))
    norms = {
        f"{place}.bias"
        for place, module in net.named_modules()
        if isinstance(module, nn.BatchNorm2d) and "backbone" in place
    }
    assert len(norms) % 6 == 0  # two in each of three stages
    for parameter, values in found.items():
        expected = (32.0, 0.01 / 64) if parameter in norms else (0.5, 0.01)
        assert values == pytest.approx(expected), parameter
    assert norms <= set(found)


def test_the_classifiers_rate_and_that_of_biases_go_together():
    net = method()
    found = rates(net, Recipe(learning_rate=0.5, classifier_learning_rate=2.0, bias_rate_factor=4))
    assert found["fc.weight"][0] == 2.0
    assert {rate for name, (rate, _) in found.items() if "enter.2.bias" in name} == {2.0}
    assert found["mean.2.weight"][0] == 0.5


def test_every_parameter_is_in_one_group():
    net = method("rul")
    recipe = Recipe(classifier_learning_rate=2.0, bias_rate_factor=4)
    trained = [id(p) for group in make_optimizer(net, recipe).param_groups for p in group["params"]]
    assert sorted(trained) == sorted(id(p) for p in net.parameters() if p.requires_grad)


def test_the_first_layers_bias_trains_in_the_first_epochs_only():
    net, recipe = method(), Recipe(first_bias_epochs=3)
    bias = net.backbone.net[0].bias
    for epoch, trains in ((1, True), (3, True), (4, False), (5, False)):
        freeze_first_biases(net, recipe, epoch)
        assert bias.requires_grad is trains
    assert all(p.requires_grad for name, p in net.named_parameters() if "mean" in name)


def test_a_net_whose_first_layer_has_no_bias_is_refused_at_once():
    with pytest.raises(UsageError, match="recipe.first_bias_epochs: the first layer of resnet18 has no bias"):
        freeze_first_biases(method(backbone="resnet18"), Recipe(first_bias_epochs=3), 1)
