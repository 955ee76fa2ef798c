"""Parameters that a recipe trains at a rate of their own, or not to the end."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from bench.errors import PluginError, UsageError
from bench.plugins.method import Backbone, Method
from bench.recipe import Recipe

Groups = list[dict[str, Any]]  # as torch's optimisers take them


def parameter_groups(method: Method, recipe: Recipe) -> Groups:
    """Return the method's parameter groups, with rates that the recipe gives to some of them.

    Raises:
        PluginError: the recipe has a rate for the classifier, but no parameter is named `fc`.
    """
    groups = method.param_groups(recipe.learning_rate)
    if recipe.classifier_learning_rate is not None:
        classifier = _classifier(method)
        groups = _apart(groups, recipe, classifier, recipe.classifier_learning_rate / recipe.learning_rate)
    if recipe.bias_rate_factor is not None:
        factor = recipe.bias_rate_factor
        groups = _apart(groups, recipe, _normalisation_biases(method), factor, 1 / factor)
    return groups


def freeze_first_biases(method: Method, recipe: Recipe, epoch: int) -> None:
    """Stop training the bias of each backbone's first layer after the recipe's epochs.

    Raises:
        UsageError: the recipe says so, but the first layer has no bias.
    """
    if recipe.first_bias_epochs is None:
        return
    for backbone in _backbones(method):
        first = next(module for module in backbone.modules() if not any(module.children()))
        if getattr(first, "bias", None) is None:
            raise UsageError(f"recipe.first_bias_epochs: the first layer of {recipe.backbone} has no bias")
        if epoch > recipe.first_bias_epochs:
            first.bias.requires_grad_(False)
            first.bias.grad = None


def _classifier(method: Method) -> list[nn.Parameter]:
    found = [parameter for name, parameter in method.named_parameters() if "fc" in name.split(".")]
    if not found:
        raise PluginError("the recipe has a classifier_learning_rate, but no parameter of the method is named fc")
    return found


def _normalisation_biases(method: Method) -> list[nn.Parameter]:
    modules = (module for backbone in _backbones(method) for module in backbone.modules())
    return [module.bias for module in modules if isinstance(module, nn.BatchNorm2d)]


def _backbones(method: Method) -> Iterator[Backbone]:
    return (module for module in method.modules() if isinstance(module, Backbone))


def _apart(
    groups: Groups, recipe: Recipe, parameters: list[nn.Parameter], rate_factor: float, decay_factor: float = 1.0
) -> Groups:
    """Return the groups with some parameters in groups of their own, at other rates."""
    chosen = set(map(id, parameters))
    apart = []
    for group in groups:
        members = list(group["params"])
        rate = group.get("lr", recipe.learning_rate)
        decay = group.get("weight_decay", recipe.weight_decay)
        others = [p for p in members if id(p) not in chosen]
        own = [p for p in members if id(p) in chosen]
        apart += [group | {"params": others}] if others else []
        changed = {"params": own, "lr": rate_factor * rate, "weight_decay": decay_factor * decay}
        apart += [group | changed] if own else []
    return apart
