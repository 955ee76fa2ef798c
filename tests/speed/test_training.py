"""One training epoch of the harness beside other ways to train the same net on as many images."""

import warnings
from dataclasses import replace

import pytest
import torch
from PIL import Image
from speed.contenders import Setting
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from bench.augment import Transforms
from bench.backbones import BACKBONES
from bench.spec import Recipe

MEAN, STD = 0.1307, 0.3081
RECIPE = Recipe(epochs=1000, batch_size=128, backbone="cnn-32-64-128")
MNIST = Setting(RECIPE, (1, 28, 28), 5_120, Transforms([MEAN], [STD]))
METHODS = ["scn", "dul", "rul", "mix-output", "loss-attention"]


def usual_net() -> nn.Module:
    """The same net as people write it: float32, the default memory layout, torch's dropout."""
    return nn.Sequential(
        BACKBONES[RECIPE.backbone](1),
        nn.BatchNorm2d(128, affine=False),
        nn.Dropout(0.4),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 64),
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


def loader_loop():
    """The shape of most published code: PIL, DataLoader, and a loss read in every step."""
    net, loader = usual_net(), DataLoader(Pictures(), RECIPE.batch_size, shuffle=True)
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


def lightning_routine():
    """torch-uncertainty's routine and trainer as they come; the trainer's start is a part of each round."""
    from torch_uncertainty import TUTrainer
    from torch_uncertainty.routines import ClassificationRoutine

    net, loader = usual_net(), DataLoader(Pictures(), RECIPE.batch_size, shuffle=True)

    def epoch() -> None:
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        trainer = TUTrainer(accelerator="cpu", max_epochs=1, enable_model_summary=False, **quiet)
        routine = ClassificationRoutine(net, num_classes=10, loss=nn.CrossEntropyLoss(), optim_recipe=sgd(net))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.fit(routine, loader)

    return epoch


@pytest.mark.parametrize(
    ("rival", "goal"),
    [(MNIST.bare_loop, "goal 0.97"), (loader_loop, "goal 2.5"), (lightning_routine, "goal 3.2")],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_epoch_of_the_baseline_against(against, rival, goal):
    against(MNIST.harness("baseline"), rival(), goal)


@pytest.mark.parametrize("backbone", ["cnn-pooled-16-24-48", "cnn-32-64-128"])
@pytest.mark.parametrize("name", METHODS)
def test_epoch_of_a_method_against_the_baseline(against, name, backbone):
    setting = replace(MNIST, recipe=RECIPE.model_copy(update={"backbone": backbone}))
    against(setting.harness(name), setting.harness("baseline"), "goal 0.87 for scn, dul and rul")
