"""Optimisers take the steps of their formulas, each parameter at its rate."""

import pytest
from scripted import OF_CLASSIFIER, Scripted, WithClassifier, rates_by_name
from torch import nn

from bench.errors import PluginError
from bench.grid.recipe_resolution import resolve_recipe
from bench.grid.request import Request
from bench.plugins.registry import Registry
from bench.recipe import Recipe
from bench.training.optimizer import make_optimizer, make_schedule


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_classifiers_rate_is_that_of_the_parameters_named_fc_only(name):
    method = WithClassifier()
    recipe = Recipe(optimizer=name, learning_rate=0.01, classifier_learning_rate=0.3)
    rates = rates_by_name(method, make_optimizer(method, recipe))
    assert rates == {
        each: pytest.approx(0.3 if each in OF_CLASSIFIER else 0.01) for each, _ in method.named_parameters()
    }


def test_without_a_classifiers_rate_all_parameters_have_one():
    method = WithClassifier()
    rates = rates_by_name(method, make_optimizer(method, Recipe(learning_rate=0.01)))
    assert rates == dict.fromkeys((name for name, _ in method.named_parameters()), 0.01)


def test_a_classifiers_rate_without_a_classifier_is_refused():
    with pytest.raises(PluginError) as raised:
        make_optimizer(Scripted(), Recipe(classifier_learning_rate=0.3))
    said = "the recipe has a classifier_learning_rate, but no parameter of the method is named fc"
    assert str(raised.value) == said


class OwnGroups(WithClassifier):
    """Parameter groups: inner layers, as an iterator, at a tenth of the rate; others without."""

    def param_groups(self, lr):
        inner = {"params": self.head.parameters(), "lr": lr / 10, "weight_decay": 0.0}
        return [inner, {"params": [self.weight, *self.fc.parameters()]}]


def test_a_methods_own_groups_keep_their_settings_and_the_ratio_of_their_rates():
    method = OwnGroups()
    recipe = Recipe(learning_rate=0.01, classifier_learning_rate=0.3, weight_decay=5e-4)
    optimizer = make_optimizer(method, recipe)
    expected = {"weight": 0.01, "head.fc2.weight": 0.001, "head.fc2.bias": 0.001}
    expected |= {"fc.weight": 0.3, "fc.bias": 0.3, "head.fc.weight": 0.03, "head.fc.bias": 0.03}
    assert rates_by_name(method, optimizer) == {name: pytest.approx(rate) for name, rate in expected.items()}
    inside = {id(p) for p in method.head.parameters()}
    for group in optimizer.param_groups:
        assert group["weight_decay"] == (0.0 if id(group["params"][0]) in inside else 5e-4)


@pytest.mark.parametrize(
    ("momentum", "asked", "done"), [(0.9, True, True), (0.9, False, False), (0.0, True, False)]
)
def test_nesterov_is_the_recipes_where_there_is_momentum(momentum, asked, done):
    optimizer = make_optimizer(Scripted(), Recipe(momentum=momentum, nesterov=asked))
    assert (optimizer.defaults["momentum"], optimizer.defaults["nesterov"]) == (momentum, done)


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_takes_the_steps_of_its_formula(nesterov):
    recipe = Recipe(learning_rate=0.1, momentum=0.9, nesterov=nesterov, weight_decay=0.01)
    method = Scripted()
    optimizer = make_optimizer(method, recipe)
    weight, velocity = 0.0, 0.0
    for _ in range(5):
        optimizer.zero_grad()
        ((method.weight - 1) ** 2).backward()
        optimizer.step()
        slope = 2 * (weight - 1) + 0.01 * weight
        velocity = 0.9 * velocity + slope
        weight -= 0.1 * (slope + 0.9 * velocity if nesterov else velocity)
        assert method.weight.item() == pytest.approx(weight, rel=1e-5)


def test_rafdbs_adam_takes_the_steps_of_its_formula():
    recipe = resolve_recipe(Request(), Registry().find("datasets", "rafdb"))
    assert (recipe.optimizer, recipe.learning_rate, recipe.classifier_learning_rate) == ("adam", 2e-4, 2e-3)
    method = WithClassifier()
    nn.init.constant_(method.fc.bias, 1.0)
    nn.init.constant_(method.weight, 1.0)
    optimizer = make_optimizer(method, recipe)
    expected = {}
    for name, rate in (("weight", 2e-4), ("fc.bias", 2e-3)):
        value, first, second = 1.0, 0.0, 0.0
        for step in range(1, 6):
            slope = 2 * (value - 3) + 1e-4 * value
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
            value -= rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)) ** 0.5 + 1e-8)
        expected[name] = value
    for _ in range(5):
        optimizer.zero_grad()
        sum(((p - 3) ** 2).sum() for p in method.parameters()).backward()
        optimizer.step()
    parameters = dict(method.named_parameters())
    for name, value in expected.items():
        assert parameters[name].flatten()[0].item() == pytest.approx(value, rel=1e-6)


def test_optimisers_are_the_recipes():
    sgd = make_optimizer(Scripted(), Recipe(optimizer="sgd", momentum=0.8, weight_decay=0.01, learning_rate=0.3))
    group = sgd.param_groups[0]
    assert (type(sgd).__name__, group["lr"], group["momentum"], group["nesterov"]) == ("SGD", 0.3, 0.8, True)
    assert group["weight_decay"] == 0.01
    assert type(make_optimizer(Scripted(), Recipe(optimizer="adam"))).__name__ == "Adam"


def test_a_parameter_group_may_have_a_rate_of_its_own():
    class TwoRates(Scripted):
        def param_groups(self, lr):
            return [{"params": [self.weight], "lr": 10 * lr}]

    recipe = Recipe(learning_rate=0.1, schedule="one-cycle", epochs=2, batch_size=2)
    optimizer = make_optimizer(TwoRates(), recipe)
    make_schedule(optimizer, recipe, size=10)
    assert optimizer.param_groups[0]["max_lr"] == 1.0
