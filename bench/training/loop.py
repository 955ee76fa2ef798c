"""The training loop, the same for all methods.

No step of an epoch waits for the device: losses, relabelling counts and per-sample outputs are
collected there and read once at the end of the epoch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from bench.data.augment import Augment, Evaluate, Images, cutout
from bench.data.images import ImageSet, reading
from bench.plugins.method import Batch, Method, Progress, Step
from bench.recipe import Recipe, Relabel
from bench.training import seeding as generators
from bench.training.batches import Batches, training_order
from bench.training.checked_hooks import Hooks
from bench.training.checked_outputs import check_step
from bench.training.divergence import DivergedError
from bench.training.lookahead import WeightAverage
from bench.training.optimizer import make_optimizer, make_schedule, steps_per_epoch
from bench.training.parameter_groups import freeze_first_biases
from bench.training.relabelling import Audit, Relabeller, TrainingLabels
from bench.training.tracker import LOGGED, EpochLog, Tracker
from bench.training.transforms import AlternatingFlips

SECOND_VIEW = 2**64  # added to a seed for the random numbers of second views


def as_floats(images: Images) -> list[Tensor]:
    """Return the images (B, C, H, W) themselves as their only view, in grey levels."""
    return [images.float()]


class TrainingSet(NamedTuple):
    """Images and labels to train on, and their transforms with and without augmentation."""

    images: ImageSet
    labels: TrainingLabels
    augment: Augment
    evaluate: Evaluate = as_floats


class Trainer:
    """State of one training: method, optimiser, schedule, labels and random numbers.

    Args:
        method: to train.
        data: to train on.
        recipe: training settings.
        relabel: settings of relabelling; None trains without it.
        seed: of the order and augmentation of the batches, the same for all methods.
        num_classes: K, to check shapes.
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
        self.generator = generators.torch_generator(seed, data.images.device)
        self.second = self._second_generator(seed)
        self.optimizer = make_optimizer(method, recipe)
        self.hooks = Hooks(method)
        self.scheduler = make_schedule(self.optimizer, recipe, len(data.images))
        self.relabeller = Relabeller(data.labels, relabel) if relabel else None
        size = len(data.images)
        total = recipe.epochs * steps_per_epoch(recipe, size)
        self.average = WeightAverage(method, recipe.lookahead, total) if recipe.lookahead else None
        alternates = recipe.augment is not None and recipe.augment.flip == "alternating"
        self.flips = AlternatingFlips(size, seed, data.images.device) if alternates else None

    @property
    def logged(self) -> tuple[str, ...]:
        """The keys of an epoch's log."""
        return ("epoch", *LOGGED, *(Audit._fields if self.relabeller else ()))

    def epoch(self, number: int) -> EpochLog:
        """Train one epoch, counted from 1, and return its log.

        Raises:
            PluginError: the method returned something wrong, such as an uncertainty that is NaN.
            DivergedError: the loss is not finite.
            Declined: relabelling is on, and the method's loss returns no logits or no uncertainty.
        """
        self._before_epoch(number)
        tracker = self.steps(number)
        if not bool(tracker.loss.isfinite()):
            raise _not_finite(tracker.loss.item(), number)
        log = {"epoch": number, **tracker.read()}
        self.hooks.check_state("after_step")
        return log | (self.relabeller.audit()._asdict() if self.relabeller else {})

    def _before_epoch(self, number: int) -> None:
        clean = Batches(self.data, self.data.images, self.data.labels.current)
        self.hooks.call("before_epoch", clean, self._progress(number))
        self.hooks.check_state("before_epoch")

    def _progress(self, number: int) -> Progress:
        return Progress(number, self.recipe.epochs)

    def steps(self, number: int) -> Tracker:
        """Train one epoch without waiting for the device, and return what its steps left there.

        The method's `before_epoch`, which may wait, is not called.
        """
        freeze_first_biases(self.method, self.recipe, number)
        tracker = Tracker(self.data.labels)
        progress, images = self._progress(number), self.data.images
        order = training_order(len(images), self.recipe.batch_size, self.generator, images.device)
        with reading(images, order) as batches:
            for index, batch in batches:
                with _loss_named(tracker, number):
                    step = self._step(index, batch, progress)
                tracker.step(index, step)
                if self.relabeller and number >= self.recipe.relabel_from:
                    self.relabeller.step(index, step)
        return tracker

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next epochs depend on, as tensors and plain values."""
        return {
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "current": self.data.labels.current,
            "generator": self.generator.get_state(),
            "generators": generators.state(),
            **({"average": self.average.state_dict()} if self.average else {}),
            **({"second": self.second.get_state()} if self.second else {}),
        }

    def check_state(self, state: dict[str, Any], epochs: int) -> None:
        """Check what loading a state would not: the number of steps done, and the labels.

        Args:
            state: returned by `state_dict`.
            epochs: that it must be the state after.

        Raises:
            ValueError: it is not.
        """
        steps, done = (
            epochs * steps_per_epoch(self.recipe, len(self.data.images)),
            state["scheduler"]["last_epoch"],
        )
        if done != steps:
            raise ValueError(f"its state is after {done} steps, its log after {steps}")
        found, wanted = state["current"], self.data.labels.current
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            raise ValueError(f"its labels are {found.dtype} {tuple(found.shape)}, not {tuple(wanted.shape)}")
        if not ((found >= 0) & (found < self.num_classes)).all():
            raise ValueError(f"its labels are not all from 0 to {self.num_classes - 1}")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state returned by `state_dict`; its tensors may be on the CPU."""
        self.method.load_state_dict(state["method"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.data.labels.current.copy_(state["current"])
        self.generator.set_state(state["generator"])
        generators.restore(state["generators"])
        if self.average:
            self.average.load_state_dict(state["average"])
        if self.second:
            self.second.set_state(state["second"])

    def _second_generator(self, seed: int) -> torch.Generator | None:
        """Return the generator of second views; with the first's, batches would come otherwise."""
        if not self.method.two_views:
            return None
        return generators.torch_generator(seed + SECOND_VIEW, self.data.images.device)

    def _step(
        self, index: Int[Tensor, " batch"], images: UInt8[Tensor, "batch _ _ _"], progress: Progress
    ) -> Step:
        images = self.flips(images, index, progress.epoch) if self.flips else images
        augmented = self._augmented(images, self.generator)
        second = self._augmented(images, self.second) if self.second else None
        batch = Batch(augmented, self.data.labels.current[index], index, second)
        before = generators.state() if self.hooks.defines("backward") else {}
        step = self.method.loss(batch, progress)
        check_step(step, len(index), self.num_classes, self.relabeller is not None, batch.images.device)
        self.optimizer.zero_grad()
        self.hooks.call("backward", step.loss, partial(self._loss_again, batch, progress, before))
        self.optimizer.step()
        self.scheduler.step()
        if self.average:
            self.average.step(self.scheduler.last_epoch)
        self.hooks.call("after_step", progress, self.scheduler.last_epoch)
        return step

    def _loss_again(self, batch: Batch, progress: Progress, before: dict[str, Any]) -> Tensor:
        with generators.replayed(before):
            step = self.method.loss(batch, progress)
        check_step(step, len(batch.index), self.num_classes, False, batch.images.device)
        return step.loss

    def _augmented(
        self, images: UInt8[Tensor, "batch _ _ _"], generator: torch.Generator
    ) -> Float[Tensor, "batch _ h w"]:
        augmented = self.data.augment(images, generator)
        side = self.recipe.cutout
        return cutout(augmented, side, generator) if side else augmented


@contextmanager
def _loss_named(tracker: Tracker, epoch: int) -> Iterator[None]:
    """Name a loss that was not finite as the cause of an error in a later step of the epoch."""
    try:
        yield
    except Exception as error:
        if tracker.loss.is_meta or bool(tracker.loss.isfinite()):  # meta: a rehearsal, without values
            raise
        raise _not_finite(tracker.loss.item(), epoch) from error


def _not_finite(loss: float, epoch: int) -> DivergedError:
    return DivergedError(f"the loss is {loss} in epoch {epoch}, it must be finite")
