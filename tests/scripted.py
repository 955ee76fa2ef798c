"""A method that says what it is told, and what trains it on a few images."""

import torch
from harness import TASK
from torch import nn

from bench.plugins.method import Batch, Method, Prediction, Progress, Step
from bench.recipe import Recipe
from bench.training.loop import Trainer, TrainingSet
from bench.training.relabelling import TrainingLabels


class Scripted(Method):
    """Predicts the class that an image's first pixel names; records the batches it gets."""

    def __init__(self) -> None:
        super().__init__(TASK, lambda: None)
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[Progress, Batch]] = []

    def loss(self, batch: Batch, progress: Progress) -> Step:
        self.seen.append((progress, batch))
        logits = 9.0 * nn.functional.one_hot(batch.images[:, 0, 0, 0].long(), 3)
        return Step((self.weight - 1) ** 2, logits + 0 * self.weight, torch.arange(len(logits)).float())

    def predict(self, images: torch.Tensor) -> Prediction:
        return Prediction(images, images)


def identity(images, generator):
    return images.float()


def training_set(says, true, given):
    images = torch.tensor(says, dtype=torch.uint8).view(-1, 1, 1, 1)
    return TrainingSet(images, TrainingLabels.start(torch.tensor(true), torch.tensor(given)), identity)


def trainer(data, relabel=None, **recipe):
    settings = {"epochs": 3, "batch_size": 2, "learning_rate": 0.1, "relabel_from": 2} | recipe
    return Trainer(Scripted(), data, Recipe(**settings), relabel, 0, 3)


class WithClassifier(Scripted):
    """Two layers named `fc`, one of them nested, and layers whose names only start with it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.head = nn.ModuleDict({"fc": nn.Linear(2, 3), "fc2": nn.Linear(2, 3)})


OF_CLASSIFIER = {"fc.weight", "fc.bias", "head.fc.weight", "head.fc.bias"}


def rates_by_name(method, optimizer):
    names = {id(p): name for name, p in method.named_parameters()}
    rates = [(names[id(p)], group["lr"]) for group in optimizer.param_groups for p in group["params"]]
    assert len(rates) == len(dict(rates))
    return dict(rates)
