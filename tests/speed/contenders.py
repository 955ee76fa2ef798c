"""Our training of a net on generated images, with the harness and without."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn import functional as F

from bench.data.augment import Transforms
from bench.nets.backbones import make_backbone
from bench.plugins.method import Method, Task
from bench.plugins.registry import Registry
from bench.recipe import Recipe
from bench.training.batches import training_order
from bench.training.loop import Trainer, TrainingSet
from bench.training.optimizer import make_optimizer
from bench.training.relabelling import TrainingLabels


@dataclass(frozen=True)
class Setting:
    """What is trained, and on how many images of a shape (C, H, W)."""

    recipe: Recipe
    shape: tuple[int, int, int]
    size: int
    transforms: Transforms
    device: str = "cpu"

    def training_set(self) -> TrainingSet:
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (self.size, *self.shape), generator=generator, dtype=torch.uint8)
        labels = torch.randint(0, 10, (self.size,), generator=generator).to(self.device)
        return TrainingSet(images.to(self.device), TrainingLabels.start(labels, labels), self.transforms.augment)

    def build(self, name: str) -> Method:
        make = partial(make_backbone, self.recipe.backbone, self.shape, torch.bfloat16)
        task = Task(10, self.shape, self.size, self.recipe.epochs, None)
        return Registry().find("methods", name).load()(task, make).to(self.device)

    def harness(self, name: str) -> Callable[[], object]:
        """Return an epoch of a method in the harness."""
        return partial(Trainer(self.build(name), self.training_set(), self.recipe, None, 0, 10).epoch, 1)

    def bare_loop(self) -> Callable[[], None]:
        """Return an epoch of the baseline with our own habits and without the harness."""
        net, data = self.build("baseline"), self.training_set()
        optimizer = make_optimizer(net, self.recipe)
        generator = torch.Generator(self.device).manual_seed(0)

        def epoch() -> None:
            for index in training_order(self.size, self.recipe.batch_size, generator):
                logits = net.fc(net.embed(data.augment(data.images[index], generator)))
                loss = F.cross_entropy(logits, data.labels.current[index])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss.item()  # a GPU has done its work only when it is asked

        return epoch
