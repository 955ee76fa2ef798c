"""Test bed of a method: it is built, trained and used on scikit-learn's digits."""

from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.checks.equality import differing, predict, same
from bench.data.dataset import DataSet
from bench.grid.config_files import own_recipe
from bench.nets.backbones import find_backbone, make_backbone
from bench.plugins.factory import MethodFactory
from bench.plugins.loading import load
from bench.plugins.method import Batch, Method, Progress, Task
from bench.plugins.registry import Plugin, Registry, registry_around
from bench.recipe import Recipe, Relabel
from bench.spec import Choice
from bench.training import seeding as generators
from bench.training.batches import Batches
from bench.training.loop import Trainer, TrainingSet
from bench.training.relabelling import TrainingLabels
from bench.validation import validated

EPOCHS = 5  # enough for every method to learn the digits well above chance
HELD_OUT = 120  # number of test images for methods that need held-out samples
SHORT = 200  # number of training images where a few steps suffice


class MethodBed:
    """A method on the digits, small enough to be trained many times.

    Args:
        plugin: of the method.
        settings: its hyper-parameters; defaults for the others.
        recipe: changes to the recipe.
        registry: where the recipe's backbone is found; None: beside the method.
    """

    def __init__(
        self,
        plugin: Plugin,
        settings: Mapping[str, Any],
        recipe: Mapping[str, Any] | None = None,
        registry: Registry | None = None,
    ) -> None:
        self.plugin, self.settings, self.changes = plugin, dict(settings), dict(recipe or {})
        self.nets = registry
        self.broken = ""  # title of the basic check that failed; the others are then skipped
        self.progress = Progress(epoch=1, epochs=EPOCHS)

    @cached_property
    def cls(self) -> type[Method]:
        """The method's class."""
        return self.plugin.load()

    @cached_property
    def data(self) -> DataSet:
        """The digits."""
        return load(Choice(name="digits", hyperparameters={}, version=""), Registry(), Path(), download=False)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe of the digits with fewer epochs, and with what was changed."""
        own = own_recipe(Registry().find("datasets", "digits"))
        return validated(Recipe, own | {"epochs": EPOCHS} | self.changes, "key of recipe")

    @cached_property
    def factory(self) -> MethodFactory:
        """The method with its hyper-parameters.

        Raises:
            UsageError: a given hyper-parameter is unknown or invalid.
        """
        return MethodFactory.resolve(self.plugin.name, self.settings, self.registry)

    @cached_property
    def registry(self) -> Registry:
        """Where the method's inner methods are found."""
        return registry_around(self.plugin)

    def check_settings(self) -> None:
        """Check the given hyper-parameters.

        Raises:
            UsageError: one is unknown or invalid.
        """
        if self.settings:
            _ = self.factory
        find_backbone(self.recipe.backbone, self.nets or self.registry)

    def task(self, size: int | None = SHORT) -> Task:
        """Return the task of training on so many images, None for all.

        Its noise rate is None unless the method names an oracle hyper-parameter.
        """
        rate = 0.2 if self.factory.oracle else None
        labels = self.data.train.labels[:size]
        return Task(len(self.data.class_names), self.data.image_shape, len(labels), EPOCHS, rate)

    def build(
        self,
        seed: int = 0,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        size: int | None = SHORT,
        **unchecked: Any,
    ) -> Method:
        """Return the method, freshly initialised from a seed.

        Args:
            seed: of the initial weights.
            device: of the method.
            dtype: number type of the backbone's computations.
            size: number of training images that it is to be trained on; None for all.
            **unchecked: further keywords of the constructor, not validated.
        """
        generators.seed(seed)
        recipe, nets = self.recipe, self.nets or self.registry
        make = partial(make_backbone, recipe.backbone, self.data.image_shape, dtype, recipe.pretrained, nets)
        return self.cls(self.task(size), make, **self.factory.hyperparameters, **unchecked).to(device)

    def batch(self, size: int, device: str = "cpu", two_views: bool = False) -> Batch:
        """Return the first `size` training samples as a batch, the second view like the first."""
        images = self.data.evaluate(self.data.train.images[:size])[0]
        index = torch.arange(size)
        labels = self.data.train.labels[:size].clone()
        second = images.clone().to(device) if two_views else None
        return Batch(images.to(device), labels.to(device), index.to(device), second)

    def images(self, size: int) -> Tensor:
        """Return the first `size` test images (B, C, H, W), standardised."""
        return self.data.evaluate(self.data.test.images[:size])[0]

    def step(self, method: Method, size: int) -> Any:
        """Return what `loss` returns for a batch of `size`, with fixed random numbers."""
        generators.seed(0)
        return method.train().loss(self.batch(size, two_views=method.two_views), self.progress)

    def trainer(
        self,
        method: Method,
        epochs: int = 1,
        size: int | None = SHORT,
        true: Tensor | None = None,
        relabel: Relabel | None = None,
    ) -> Trainer:
        """Return the harness's trainer for a method, with fixed random numbers.

        Args:
            method: to train.
            epochs: in the recipe.
            size: number of training images; None for all.
            true: the true labels (N,); None for the given ones.
            relabel: settings of relabelling, from the first epoch on; None for none.
        """
        device = next(method.parameters()).device
        given = self.data.train.labels[:size].to(device)
        labels = TrainingLabels.start(given if true is None else true.to(device), given)
        images = self.data.train.images[:size].to(device)
        recipe = self.recipe.model_copy(update={"epochs": epochs, "relabel_from": 1})
        generators.seed(0)
        train = TrainingSet(images, labels, self.data.augment, self.data.evaluate)
        return Trainer(method, train, recipe, relabel, 0, len(self.data.class_names))

    def train(self, method: Method, epochs: int = 1, **more: Any) -> Method:
        """Train for some epochs and return the method; other keywords are passed to `trainer`."""
        trainer = self.trainer(method, epochs, **more)
        for number in range(1, epochs + 1):
            trainer.epoch(number)
        return method

    @cached_property
    def briefly_trained(self) -> Method:
        """The method after one epoch on a few digits; checks must not change it."""
        return self.train(self.build())

    @cached_property
    def unrepeatable(self) -> str | None:
        """Name of a state entry that differs between two trainings with the same seed.

        None if all are the same.
        """
        return differing(self.briefly_trained, self.train(self.build()))

    def finish(self, method: Method, size: int | None = SHORT) -> Method:
        """Call `finish` with so many training images, fixed random numbers; return the method."""
        train, test = self.data.train, self.data.test
        held_out = Batches(self.data, test.images[-HELD_OUT:], test.labels[-HELD_OUT:])
        generators.seed(0)
        method.finish(
            Batches(self.data, train.images[:size], train.labels[:size]),
            held_out if self.factory.needs_held_out else None,
        )
        return method

    @cached_property
    def trained(self) -> Method:
        """The method, trained on all digits and finished; checks must not change it."""
        return self.finish(self.train(self.build(size=None), EPOCHS, size=None), size=None)

    @cached_property
    def is_random(self) -> bool:
        """Whether predictions depend on random numbers, as those of sampled nets do."""
        images = self.images(20)
        return not same(predict(self.trained, images, seed=0), predict(self.trained, images, seed=1))
