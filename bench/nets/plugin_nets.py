"""Backbones that plugin files and installed packages offer."""

import inspect
from pathlib import Path

from torch import nn

from bench.errors import PluginError, UsageError, one_line, place
from bench.nets.architecture import Architecture, ImageShape
from bench.nets.pretrained import load_weights
from bench.plugins.registry import Plugin
from bench.recipe import Weights


class PluginNet(Architecture):
    """A backbone of a plugin: a function or class that makes the net.

    It is given what it has parameters for: `channels`, the number of the images' channels, and
    `image_shape`, (C, H, W).

    Args:
        plugin: of the backbone.

    Raises:
        PluginError: the plugin does not load, or has other parameters without a default.
    """

    def __init__(self, plugin: Plugin) -> None:
        super().__init__(plugin.name)
        self.plugin, self.path = plugin, plugin.path
        parameters = inspect.signature(plugin.load()).parameters
        self.asked = [name for name in ("channels", "image_shape") if name in parameters]
        others = [p for name, p in parameters.items() if name not in self.asked and p.default is p.empty]
        if not self.asked or any(p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in others):
            had = ", ".join(map(str, parameters.values())) or "none"
            raise PluginError(
                f"{plugin.path}: {plugin.load().__name__} takes ({had}), must take channels, image_shape "
                f"or both, and give other parameters a default"
            )

    @property
    def version(self) -> str:
        """The plugin's version, as that of methods."""
        return self.plugin.version

    def build(self, image_shape: ImageShape, weights: Weights | None = None) -> nn.Module:
        """Return the plugin's net.

        Raises:
            PluginError: making it fails, or makes something else.
        """
        values = {"channels": image_shape[0], "image_shape": image_shape}
        try:
            net = self.plugin.load()(**{name: values[name] for name in self.asked})
        except UsageError:
            raise
        except Exception as error:
            said = f"{one_line(error)}{place(error, self.plugin.path)}"
            raise PluginError(f"backbone {self.name}: cannot be made for images {image_shape}: {said}") from error
        if not isinstance(net, nn.Module):
            raise PluginError(f"{self.plugin.path}: made a {type(net).__name__}, must make a torch.nn.Module")
        if weights:
            load_weights(net, Path(weights.path))
        return net
