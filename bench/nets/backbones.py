"""Backbones: nets that return a feature map. A recipe names one, see `find_backbone`.

Only the backbone runs under autocast and channels-last; it returns float32, so that methods never
compute exponentials in bfloat16.
"""

import re

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.errors import BenchError, PluginError, UsageError, one_line, place, unknown
from bench.nets.architecture import Architecture, BuiltIn, ImageShape, NoFeatureMap
from bench.nets.backbone_names import DESCRIBED
from bench.nets.built_in import BACKBONES, FAMILIES
from bench.nets.plugin_nets import PluginNet
from bench.nets.precision import computing_in
from bench.nets.timm_nets import TimmNet, timm_names
from bench.nets.torchvision_nets import TorchvisionNet, torchvision_names
from bench.plugins.method import Backbone
from bench.plugins.registry import Plugin, Registry
from bench.recipe import Weights

LIBRARIES: dict[str, type[TimmNet] | type[TorchvisionNet]] = {"timm": TimmNet, "torchvision": TorchvisionNet}
NAMES = {"timm": timm_names, "torchvision": torchvision_names}


class FeatureMap(Backbone):
    """Wrapper of a net: runs it under autocast, channels-last, and returns float32.

    Args:
        net: maps images to a feature map.
        image_shape: (C, H, W) of the images.
        dtype: number type of the net's computations.

    Raises:
        NoFeatureMap: the net returns anything else.
    """

    def __init__(self, net: nn.Module, image_shape: ImageShape, dtype: torch.dtype) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)
        self.dtype = dtype
        with torch.no_grad():
            found = net.eval()(torch.zeros(1, *image_shape))
        self.channels, *grid = _sizes(found)
        self.grid = (grid[0], grid[1])
        net.train()

    def forward(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch channels h w"]:
        """Return the feature map (B, channels, *grid) of float images (B, C, H, W)."""
        images = images.contiguous(memory_format=torch.channels_last)
        with computing_in(self.dtype, images.device):
            features = self.net(images)
        return features.float()


def _sizes(found: object) -> tuple[int, ...]:
    """Return channels, height and width of the feature map of one image."""
    seen = tuple(found.shape) if isinstance(found, Tensor) else f"a {type(found).__name__}"
    if not isinstance(found, Tensor) or found.ndim != 4 or len(found) != 1 or not found.numel():
        raise NoFeatureMap(f"returns {seen} for one image, must return a feature map (1, channels, h, w)")
    if not found.is_floating_point():
        raise NoFeatureMap(f"returns numbers of type {found.dtype}, must return floating-point numbers")
    return tuple(found.shape[1:])


def find_backbone(name: str, registry: Registry | None = None) -> Architecture:
    """Return what a name stands for; nothing is built yet.

    Args:
        name: a key of `BACKBONES`; a member of a family, such as `cnn-pooled-32-64-128` and
            `wrn-28-10`; `timm:NAME` or `torchvision:NAME`; or a plugin's name.
        registry: of the plugins; None for none.

    Raises:
        UsageError: no backbone has this name, its library is not installed, or a plugin has the
            name of a net of the harness.
        PluginError: the plugin does not load.
    """
    library, colon, network = name.partition(":")
    if colon and library in LIBRARIES:
        return LIBRARIES[library](network)
    plugins: dict[str, Plugin] = registry.all("backbones") if registry else {}
    own = _built_in(name)
    if own and name in plugins:
        raise UsageError(f"{plugins[name].path}: {name} is the name of a built-in backbone; rename the file")
    if own is None and name not in plugins:
        raise unknown("backbone", name, [*DESCRIBED, *plugins])
    return own or PluginNet(plugins[name])


def networks(pattern: str) -> list[str]:
    """Return the names of a library's networks that fit a pattern, such as `timm:resnet*`.

    Raises:
        UsageError: there is none, no such library, or it is not installed.
    """
    library, _, rest = pattern.partition(":")
    if library not in NAMES:
        raise unknown("library of networks", library, NAMES)
    found = [f"{library}:{name}" for name in NAMES[library](rest)]
    if not found:
        raise UsageError(f"no network of {library} fits {rest!r}; try '{library}:*{rest.strip('*')[:4]}*'")
    return found


def is_built_in(name: str) -> bool:
    """Return whether a name is one of the harness's own nets or of a member of its families.

    Raises:
        UsageError: it is of a family that has no such member.
    """
    return _built_in(name) is not None


def _built_in(name: str) -> BuiltIn | None:
    if name in BACKBONES:
        return BuiltIn(name, BACKBONES[name])
    written = re.fullmatch(r"([a-z-]+?)((?:-[1-9][0-9]{0,3})+)", name)
    if written is None or written[1] not in FAMILIES:
        return None
    return BuiltIn(name, FAMILIES[written[1]]([int(number) for number in written[2][1:].split("-")]))


def make_backbone(
    name: str,
    image_shape: ImageShape,
    dtype: torch.dtype,
    weights: Weights | None = None,
    registry: Registry | None = None,
) -> FeatureMap:
    """Build a backbone, freshly initialised or from given weights.

    Args:
        name: of the backbone, as `find_backbone` takes it.
        image_shape: (C, H, W) of the images.
        dtype: number type in which the net computes.
        weights: the initial ones; None for random ones.
        registry: of the plugins; None for none.

    Raises:
        UsageError: the weights cannot be read or do not fit, or the net cannot take the images.
        PluginError: a plugin fails, or returns no feature map.
    """
    architecture = find_backbone(name, registry)
    try:
        return FeatureMap(architecture.build(image_shape, weights), image_shape, dtype)
    except NoFeatureMap as error:
        raise PluginError(f"backbone {name}: {error}") from None
    except BenchError:
        raise
    except Exception as error:
        where = place(error, architecture.path) if architecture.path else ""
        said = f"cannot take images {image_shape}: {one_line(error)}{where}"
        raise UsageError(f"backbone {name}: {said}") from error
