"""Test bed of a backbone: it is built for images of one size, and used on random ones."""

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench.checks.equality import equal
from bench.checks.outcomes import CheckFailed
from bench.errors import UsageError, one_line
from bench.nets.architecture import ImageShape
from bench.nets.backbones import FeatureMap, find_backbone, make_backbone
from bench.plugins.registry import Plugin, registry_around
from bench.training import seeding as generators

SIDES = (32, 64, 224)  # of images; a net is checked on the smallest that it takes
FEW = 4


class NamedBackbone(NamedTuple):
    """A backbone that is no plugin: one of the harness or of a library."""

    name: str
    path: Path = Path()
    kind: str = "backbones"

    def load(self) -> None:
        """Look the name up.

        Raises:
            UsageError: no backbone has it.
        """
        find_backbone(self.name)


class BackboneBed:
    """A backbone on random images, small enough to be built many times.

    Args:
        plugin: of the backbone, or its name.
        settings: none, as a backbone has no hyper-parameters.
    """

    def __init__(self, plugin: Plugin | NamedBackbone, settings: Any = None) -> None:
        self.plugin, self.settings = plugin, settings
        self.broken = ""  # title of the basic check that failed; the others are then skipped
        self.registry = registry_around(plugin) if isinstance(plugin, Plugin) else None

    def check_settings(self) -> None:
        """Refuse settings.

        Raises:
            UsageError: there are some.
        """
        if self.settings:
            raise UsageError(f"--set {self.plugin.name}.…: a backbone has no hyper-parameters")

    def build(self, image_shape: ImageShape, seed: int = 0, dtype: torch.dtype = torch.float32) -> FeatureMap:
        """Return the backbone, freshly initialised from a seed, in eval mode."""
        generators.seed(seed)
        return make_backbone(self.plugin.name, image_shape, dtype, registry=self.registry).eval()

    @cached_property
    def _first(self) -> tuple[int, FeatureMap]:
        reasons = []
        for side in SIDES:
            try:
                return side, self.build((3, side, side))
            except UsageError as error:
                reasons.append(one_line(error))
        raise CheckFailed(f"must take images of {', '.join(map(str, SIDES))} pixels or one of them: {reasons[-1]}")

    @property
    def side(self) -> int:
        """Side of the images that it is checked on.

        Raises:
            CheckFailed: it takes none of these.
        """
        return self._first[0]

    @property
    def shape(self) -> ImageShape:
        """(C, H, W) of the colour images that it is checked on."""
        return 3, self.side, self.side

    @property
    def backbone(self) -> FeatureMap:
        """The backbone for colour images, in eval mode; checks must not change it."""
        return self._first[1]

    @cached_property
    def second(self) -> tuple[FeatureMap, list[str]]:
        """One of the same seed in train mode, and the names of entries that differed at first."""
        made = self.build(self.shape)
        states = self.backbone.state_dict(), made.state_dict()
        return made.train(), [name for name in states[0] if not equal(states[0][name], states[1][name])]

    def images(self, size: int = FEW, channels: int = 3) -> Tensor:
        """Return random images (B, C, H, W)."""
        generator = torch.Generator().manual_seed(1)
        return torch.randn(size, channels, self.side, self.side, generator=generator)
