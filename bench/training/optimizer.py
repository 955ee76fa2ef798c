"""Optimiser and learning-rate schedule of a recipe."""

from functools import partial
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from bench.errors import PluginError
from bench.plugins.method import Method
from bench.recipe import Ramp, Recipe, StepDecay
from bench.training.parameter_groups import Groups, parameter_groups


def make_optimizer(method: Method, recipe: Recipe) -> Optimizer:
    """Return the method's own optimiser, or the recipe's, over the method's parameter groups.

    Raises:
        PluginError: the method's own is no optimiser, or trains other parameters than its groups.
    """
    groups = parameter_groups(method, recipe)
    optimizer = _own(method, groups, recipe) or _of_recipe(method, groups, recipe)
    _start_momentum(optimizer)
    return optimizer


def _own(method: Method, groups: Groups, recipe: Recipe) -> Optimizer | None:
    usual = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    found = method.make_optimizer([usual | group for group in groups])
    if found is not None and not isinstance(found, Optimizer):
        kind = type(found).__name__
        raise PluginError(f"make_optimizer returned a {kind}, must be a torch.optim.Optimizer or None")
    if found is not None and (trained := _members(found.param_groups)) != (wanted := _members(groups)):
        said = f"trains {len(trained & wanted)} of the {len(wanted)} parameters of param_groups"
        more = f" and {len(trained - wanted)} others" if trained - wanted else ""
        raise PluginError(f"make_optimizer returned an optimiser that {said}{more}, must train them all")
    return found


def _members(groups: Groups) -> set[int]:
    return {id(parameter) for group in groups for parameter in group["params"]}


def _start_momentum(optimizer: Optimizer) -> None:
    """Give all parameters of a fused SGD a momentum of 0, from which the first step is the same.

    Without it a parameter that gets its first gradient in a later step than others stops torch.
    """
    if not isinstance(optimizer, torch.optim.SGD):
        return
    for group in optimizer.param_groups:
        if group["fused"] and group["momentum"] and not group["dampening"]:
            for parameter in group["params"]:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def _of_recipe(method: Method, groups: Groups, recipe: Recipe) -> Optimizer:
    is_fused = not any(parameter.is_meta for parameter in method.parameters())  # torch has none there
    common: dict[str, Any] = {
        "lr": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "fused": is_fused,
    }
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, **common)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, **common)
    return torch.optim.SGD(
        groups, momentum=recipe.momentum, nesterov=recipe.nesterov and recipe.momentum > 0, **common
    )


def make_schedule(optimizer: Optimizer, recipe: Recipe, size: int) -> LRScheduler:
    """Return the recipe's learning-rate schedule, stepped once per batch.

    Args:
        optimizer: whose learning rates change.
        recipe: with the schedule, epochs and batch size.
        size: number of training samples.
    """
    batches = steps_per_epoch(recipe, size)
    total = recipe.epochs * batches
    if recipe.schedule == "one-cycle":
        peaks = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(optimizer, max_lr=peaks, total_steps=total + 1, cycle_momentum=False)
    if recipe.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=total)
    if recipe.schedule == "linear":
        return LambdaLR(optimizer, partial(_ramp, Ramp(), total))
    if isinstance(recipe.schedule, Ramp):
        return LambdaLR(optimizer, partial(_ramp, recipe.schedule, total))
    if isinstance(recipe.schedule, StepDecay):
        return LambdaLR(optimizer, partial(_step_decay, recipe.schedule, batches))
    return ConstantLR(optimizer, factor=1.0)


def steps_per_epoch(recipe: Recipe, size: int) -> int:
    """Return the number of batches of an epoch; a last batch of a single sample is dropped."""
    return size // recipe.batch_size + (size % recipe.batch_size > 1)


def _ramp(schedule: Ramp, total: int, step: int) -> float:
    """Return the learning-rate factor in a step, counted from 0."""
    rise = max(1, int(total * schedule.rise))
    if step < rise:
        return schedule.start + (1 - schedule.start) * step / rise
    return schedule.end + (1 - schedule.end) * (total - step) / max(1, total - rise)


def _step_decay(schedule: StepDecay, batches: int, step: int) -> float:
    """Return the learning-rate factor in a step, counted from 0; an epoch has `batches` steps."""
    epoch = 1 + step // batches
    return schedule.factor ** max(0, 1 + (epoch - schedule.first_epoch) // schedule.every)
