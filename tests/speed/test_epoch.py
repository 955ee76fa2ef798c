"""One training epoch of each method through the harness, beside a bare tensor loop on the same net and data."""

from functools import partial

import pytest
import torch
from torch.nn import functional as F

from bench.augment import Transforms
from bench.backbones import make_backbone
from bench.data import training_order
from bench.method import Task
from bench.registry import Registry
from bench.relabel import Labels
from bench.spec import Recipe
from bench.train import Trainer, TrainingSet, make_optimizer

SIZE, SHAPE = 5_120, (1, 28, 28)
RECIPE = Recipe(epochs=1000, batch_size=128, backbone="cnn-16-32-64")
SIX = ["baseline", "scn", "dul", "rul", "mix-output", "loss-attention"]


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def training_set() -> TrainingSet:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (SIZE, *SHAPE), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 10, (SIZE,), generator=generator)
    return TrainingSet(images, Labels.start(labels, labels), Transforms([0.13], [0.31]).augment)


def build(name: str):
    task = Task(10, SHAPE, SIZE, RECIPE.epochs, None)
    make = partial(make_backbone, RECIPE.backbone, SHAPE, torch.bfloat16)
    return Registry().find("methods", name).load()(task, make)


@pytest.mark.parametrize("name", SIX)
def test_epoch_of_the_harness(benchmark, name):
    trainer = Trainer(build(name), training_set(), RECIPE, None, 0, 10)
    benchmark.pedantic(trainer.epoch, args=(1,), rounds=5, warmup_rounds=1)


def test_epoch_of_a_bare_loop(benchmark):
    net, data = build("baseline"), training_set()
    optimizer, generator = make_optimizer(net, RECIPE), torch.Generator().manual_seed(0)

    def epoch():
        for index in training_order(SIZE, RECIPE.batch_size, generator):
            logits = net.fc(net.embed(data.augment(data.images[index], generator)))
            loss = F.cross_entropy(logits, data.labels.current[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    benchmark.pedantic(epoch, rounds=5, warmup_rounds=1)
