"""What a backbone's name stands for: how its net is built, and which weights it may start from."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from torch import nn

from bench.errors import UsageError
from bench.nets.pretrained import load_weights
from bench.recipe import Weights

ImageShape = tuple[int, int, int]  # (C, H, W)
Net = Callable[[int], nn.Module]  # (channels of the images) → a net without classifier


class NoFeatureMap(Exception):  # noqa: N818 - named for what it says
    """What a net returns is no feature map; the message says what it is."""


class Published(NamedTuple):
    """Weights that a library publishes: their full name, and where their file lies here."""

    name: str  # such as timm:resnet26d.bt_in1k
    file: Path


class Architecture:
    """A backbone's net, from images (B, C, H, W) to a feature map (B, channels, h, w).

    Args:
        name: as a recipe has it.
    """

    path: Path | None = None  # of its file, if it is a plugin

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def version(self) -> str | None:
        """Version of a plugin's code; None for nets of the harness and of libraries."""
        return None

    def build(self, image_shape: ImageShape, weights: Weights | None = None) -> nn.Module:
        """Return a net without classifier, with random weights or the given ones.

        Raises:
            UsageError: the net does not take such images, or the weights do not fit.
        """
        raise NotImplementedError

    def published(self, tag: str) -> Published:
        """Return weights that the net's library publishes, fetched if they are not here.

        Args:
            tag: names them; empty for the library's default.

        Raises:
            UsageError: there are none of this name, or they cannot be fetched.
        """
        raise UsageError(
            f"recipe.pretrained=library: the backbone {self.name} is of no library; "
            f"give the path of a checkpoint (./library for a file of that name)"
        )


class BuiltIn(Architecture):
    """A net of the harness.

    Args:
        name: as a recipe has it.
        make: builds the net for a number of channels.
    """

    def __init__(self, name: str, make: Net) -> None:
        super().__init__(name)
        self.make = make

    def build(self, image_shape: ImageShape, weights: Weights | None = None) -> nn.Module:
        """Return the net."""
        net = self.make(image_shape[0])
        if weights:
            load_weights(net, Path(weights.path))
        return net
