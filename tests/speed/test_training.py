"""One training epoch of the harness beside other ways to train the same net on as many images."""

import warnings
from dataclasses import replace
from functools import partial

import pytest
import torch
from PIL import Image
from speed.contenders import Setting
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from bench.data.augment import Transforms
from bench.execution.process_tuning import dedicate
from bench.nets.backbones import BACKBONES
from bench.recipe import Recipe

MEAN, STD = 0.1307, 0.3081
RECIPE = Recipe(epochs=1000, batch_size=128, backbone="cnn-32-64-128")
MNIST = Setting(RECIPE, (1, 28, 28), 5_120, Transforms([MEAN], [STD]))
NETS = ["cnn-32-64-128", "cnn-pooled-16-24-48"]
METHODS = ["scn", "dul", "rul", "mix-output", "loss-attention"]


def on(backbone: str) -> Setting:
    return replace(MNIST, recipe=RECIPE.model_copy(update={"backbone": backbone}))


def usual_net(backbone: str) -> nn.Module:
    """The same net as usually written: float32, default memory layout, torch's dropout."""
    body = BACKBONES[backbone](1)
    for place, layer in enumerate(body[:-1]):
        if isinstance(layer, nn.MaxPool2d) and isinstance(body[place + 1], nn.ReLU):
            body[place], body[place + 1] = body[place + 1], layer
    _, channels, height, width = body.eval()(torch.zeros(1, 1, 28, 28)).shape
    return nn.Sequential(
        body.train(),
        nn.BatchNorm2d(channels, affine=False),
        nn.Dropout(0.4),
        nn.Flatten(),
        nn.Linear(channels * height * width, 64),
        nn.BatchNorm1d(64),
        nn.Linear(64, 10),
    )


class Pictures(Dataset[tuple[Tensor, int]]):
    """What torchvision's MNIST does for an image: array → PIL → tensor → standardised."""

    def __init__(self) -> None:
        data = MNIST.training_set()
        self.images, self.labels = data.images[:, 0].numpy(), data.labels.current.tolist()
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])

    def __len__(self) -> int:
        return MNIST.size

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def sgd(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)


def bare_loop(backbone: str):
    """Our own habits without the harness."""
    return on(backbone).bare_loop()


def loader_loop(backbone: str):
    """The shape of most published code: PIL, DataLoader, and a loss read in every step."""
    net, loader = usual_net(backbone), DataLoader(Pictures(), RECIPE.batch_size, shuffle=True)
    optimizer = sgd(net)

    def epoch() -> None:
        total = 0.0
        for images, labels in loader:
            loss = F.cross_entropy(net(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()

    return epoch


def lightning_routine(backbone: str):
    """torch-uncertainty's routine and trainer; each round includes the trainer's start."""
    from torch_uncertainty import TUTrainer
    from torch_uncertainty.routines import ClassificationRoutine

    net, loader = usual_net(backbone), DataLoader(Pictures(), RECIPE.batch_size, shuffle=True)

    def epoch() -> None:
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        trainer = TUTrainer(accelerator="cpu", max_epochs=1, enable_model_summary=False, **quiet)
        routine = ClassificationRoutine(net, num_classes=10, loss=nn.CrossEntropyLoss(), optim_recipe=sgd(net))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.fit(routine, loader)

    return epoch


@pytest.mark.parametrize("backbone", NETS)
@pytest.mark.parametrize(
    ("rival", "prepare", "goal"),
    [
        (bare_loop, dedicate, "goal 0.97"),
        (loader_loop, torch.set_num_threads, "goal 2.5"),
        (lightning_routine, torch.set_num_threads, "goal 3.2"),
    ],
    ids=["bare_loop", "loader_loop", "lightning_routine"],
)
def test_epoch_of_the_baseline_against(against, apart, rival, prepare, goal, backbone):
    """Ours and the bare loop in processes as `bench run` has them, others in a plain one."""
    ours = partial(on(backbone).harness, "baseline")
    against(apart(ours, dedicate), apart(partial(rival, backbone), prepare), goal)


@pytest.mark.parametrize("backbone", NETS)
@pytest.mark.parametrize("name", METHODS)
def test_epoch_of_a_method_against_the_baseline(against, name, backbone):
    setting = on(backbone)
    against(setting.harness(name), setting.harness("baseline"), "goal 0.87 for scn, dul and rul")
