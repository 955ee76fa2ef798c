"""The only training loop.

Nothing in an epoch waits for the device: losses, audit counts and per-sample outputs are gathered there and
read once at the epoch's end.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from bench import generators
from bench.augment import Augment, cutout
from bench.data import training_order
from bench.errors import Declined, PluginError
from bench.images import ImageSet, reading
from bench.method import Batch, Method, Progress, Step
from bench.relabel import Labels, Relabeller
from bench.spec import Recipe, Relabel, StepDecay

EpochLog = dict[str, Any]


class TrainingSet(NamedTuple):
    """What the loop trains on: labels on the device, images there or read from a file to it."""

    images: ImageSet
    labels: Labels
    augment: Augment


class Trainer:
    """One training in progress: everything that changes from step to step.

    Args:
        seed: of the order and augmentation of the batches, the same for all methods.
        relabel: None trains without relabelling.
    """

    def __init__(
        self,
        method: Method,
        data: TrainingSet,
        recipe: Recipe,
        relabel: Relabel | None,
        seed: int,
        num_classes: int,
    ) -> None:
        self.method, self.data, self.recipe, self.num_classes = method, data, recipe, num_classes
        self.generator = torch.Generator(data.images.device).manual_seed(seed)
        self.optimizer = make_optimizer(method, recipe)
        self.scheduler = make_schedule(self.optimizer, recipe, len(data.images))
        self.relabeller = Relabeller(data.labels, relabel) if relabel else None

    def epoch(self, number: int) -> EpochLog:
        """Train one epoch, counted from 1, and return its log.

        Raises:
            PluginError: the method returned a wrong shape or a loss that is not finite.
            Declined: relabelling is on and the method hands it no logits or no uncertainty.
        """
        tracker = Tracker(self.data.labels)
        progress = Progress(number, self.recipe.epochs)
        order = training_order(len(self.data.images), self.recipe.batch_size, self.generator)
        with reading(self.data.images, order) as batches:
            for index, images in batches:
                step = self._step(index, images, progress)
                tracker.step(index, step)
                if self.relabeller and number >= self.recipe.relabel_from:
                    self.relabeller.step(index, step)
        log = {"epoch": number, **tracker.read()}
        if not math.isfinite(log["loss"]):
            raise PluginError(f"the loss is {log['loss']} in epoch {number}; it must be finite")
        return log | (self.relabeller.audit()._asdict() if self.relabeller else {})

    def state_dict(self) -> dict[str, Any]:
        """Return all that the following epochs depend on, as tensors and plain values."""
        return {
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "current": self.data.labels.current,
            "generator": self.generator.get_state(),
            "generators": generators.state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state_dict` returned, tensors of which may lie on the CPU."""
        self.method.load_state_dict(state["method"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.data.labels.current.copy_(state["current"])
        self.generator.set_state(state["generator"])
        generators.restore(state["generators"])

    def _step(
        self, index: Int[Tensor, " batch"], images: UInt8[Tensor, "batch _ _ _"], progress: Progress
    ) -> Step:
        batch = Batch(self._augmented(images), self.data.labels.current[index], index)
        step = self.method.loss(batch, progress)
        check_step(step, len(index), self.num_classes, self.relabeller is not None)
        self.optimizer.zero_grad()
        step.loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return step

    def _augmented(self, images: UInt8[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ h w"]:
        augmented = self.data.augment(images, self.generator)
        side = self.recipe.cutout
        return cutout(augmented, side, self.generator) if side else augmented


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
    """Return the parameter groups with those of `fc` at the classifier's rate, where the recipe has one.

    Raises:
        PluginError: the recipe has one, and the method has no parameter under the name `fc`.
    """
    if recipe.classifier_learning_rate is None:
        return groups
    of_classifier = {id(p) for name, p in method.named_parameters() if "fc" in name.split(".")}
    if not of_classifier:
        raise PluginError("the recipe has a classifier_learning_rate, and no parameter of the method is named fc")
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
    """Return the recipe's learning-rate schedule for a training set of `size`, stepped once a batch."""
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
    """Return the factor on the learning rate in a step, counted from 0: from 0.2 up to 1 in a tenth, then to 0."""
    rise = max(1, total // 10)
    if step < rise:
        return 0.2 + 0.8 * step / rise
    return (total - step) / max(1, total - rise)


def _step_decay(schedule: StepDecay, batches: int, step: int) -> float:
    """Return the factor on the learning rate in a step, counted from 0, of epochs of so many batches."""
    epoch = 1 + step // batches
    return schedule.factor ** max(0, 1 + (epoch - schedule.first_epoch) // schedule.every)


def check_step(step: Step, size: int, num_classes: int, relabels: bool) -> None:
    """Check a step's shapes.

    Raises:
        PluginError: a shape is wrong.
        Declined: relabelling wants logits and uncertainty, and the step lacks one.
    """
    wanted = [("loss", step.loss, ()), ("logits", step.logits, (size, num_classes))]
    for name, value, shape in [*wanted, ("uncertainty", step.uncertainty, (size,))]:
        if value is not None and tuple(value.shape) != shape:
            raise PluginError(f"loss returned {name} of shape {tuple(value.shape)}, must be {shape}")
    if relabels and (step.logits is None or step.uncertainty is None):
        lacking = "logits" if step.logits is None else "uncertainty"
        raise Declined(f"relabelling is on, and the method's loss hands it no {lacking}")


class Tracker:
    """What an epoch's own training passes say, gathered on the device: no second pass over the training set."""

    def __init__(self, labels: Labels) -> None:
        size, device = len(labels.true), labels.true.device
        self.labels = labels
        self.loss = torch.zeros((), device=device)
        self.samples = 0
        self.predicted = torch.full((size,), -1, device=device)
        self.uncertainty = torch.full((size,), torch.nan, device=device)

    def step(self, index: Int[Tensor, " batch"], step: Step) -> None:
        """Take in one step."""
        self.loss += step.loss.detach() * len(index)
        self.samples += len(index)
        if step.logits is not None:
            self.predicted[index] = step.logits.detach().argmax(dim=1)
        if step.uncertainty is not None:
            self.uncertainty[index] = step.uncertainty.detach().float()

    def read(self) -> EpochLog:
        """Return the epoch's mean loss, and accuracy and mean uncertainty of clean and of flipped samples."""
        flipped = self.labels.flipped
        entry: EpochLog = {"loss": self.loss.item() / self.samples}
        for name, group in (("clean", ~flipped), ("flipped", flipped)):
            seen = group & (self.predicted >= 0)
            entry[f"train_accuracy_{name}"] = _mean(self.predicted[seen] == self.labels.true[seen])
            entry[f"train_uncertainty_{name}"] = _mean(self.uncertainty[group & ~self.uncertainty.isnan()])
        memorised = flipped & (self.predicted >= 0)
        entry["train_memorised_flipped"] = _mean(self.predicted[memorised] == self.labels.given[memorised])
        return entry


def _mean(values: Tensor) -> float | None:
    return values.float().mean().item() if len(values) else None
