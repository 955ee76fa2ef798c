"""Optimiser and learning-rate schedule of a recipe."""

from functools import partial
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from bench.errors import PluginError
from bench.plugins.method import Method
from bench.spec import Recipe, StepDecay


def make_optimizer(method: Method, recipe: Recipe) -> Optimizer:
    """Return the recipe's optimiser over the method's parameter groups."""
    groups = classifier_apart(method, method.param_groups(recipe.learning_rate), recipe)
    common: dict[str, Any] = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay, "fused": True}
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, **common)
    return torch.optim.SGD(
        groups, momentum=recipe.momentum, nesterov=recipe.nesterov and recipe.momentum > 0, **common
    )


def classifier_apart(method: Method, groups: list[dict[str, Any]], recipe: Recipe) -> list[dict[str, Any]]:
    """Return the parameter groups, with parameters named `fc` at the classifier's learning rate.

    The groups are returned unchanged if the recipe has no `classifier_learning_rate`.

    Raises:
        PluginError: the recipe has one, but no parameter of the method is named `fc`.
    """
    if recipe.classifier_learning_rate is None:
        return groups
    of_classifier = {id(p) for name, p in method.named_parameters() if "fc" in name.split(".")}
    if not of_classifier:
        raise PluginError("the recipe has a classifier_learning_rate, but no parameter of the method is named fc")
    ratio = recipe.classifier_learning_rate / recipe.learning_rate
    apart = []
    for group in groups:
        group = group | {"params": list(group["params"])}
        for chosen, factor in ((False, 1.0), (True, ratio)):
            members = [p for p in group["params"] if (id(p) in of_classifier) == chosen]
            rate = factor * group.get("lr", recipe.learning_rate)
            apart += [group | {"params": members, "lr": rate}] if members else []
    return apart


def make_schedule(optimizer: Optimizer, recipe: Recipe, size: int) -> LRScheduler:
    """Return the recipe's learning-rate schedule, stepped once per batch.

    Args:
        optimizer: whose learning rates change.
        recipe: with the schedule, epochs and batch size.
        size: number of training samples.
    """
    batches = size // recipe.batch_size + (size % recipe.batch_size > 1)
    total = recipe.epochs * batches
    if recipe.schedule == "one-cycle":
        peaks = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(optimizer, max_lr=peaks, total_steps=total + 1, cycle_momentum=False)
    if recipe.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=total)
    if recipe.schedule == "linear":
        return LambdaLR(optimizer, partial(_linear, total))
    if isinstance(recipe.schedule, StepDecay):
        return LambdaLR(optimizer, partial(_step_decay, recipe.schedule, batches))
    return ConstantLR(optimizer, factor=1.0)


def _linear(total: int, step: int) -> float:
    """Return the learning-rate factor in a step, counted from 0.

    It rises from 0.2 to 1 in the first tenth of the steps, then falls to 0.
    """
    rise = max(1, total // 10)
    if step < rise:
        return 0.2 + 0.8 * step / rise
    return (total - step) / max(1, total - rise)


def _step_decay(schedule: StepDecay, batches: int, step: int) -> float:
    """Return the learning-rate factor in a step, counted from 0; an epoch has `batches` steps."""
    epoch = 1 + step // batches
    return schedule.factor ** max(0, 1 + (epoch - schedule.first_epoch) // schedule.every)
