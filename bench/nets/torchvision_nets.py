"""Networks of torchvision by name, without their classifiers.

Grey images are repeated to the three channels that the networks take, so that they are the
library's own, and so are their weights.
"""

import difflib
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.errors import UsageError
from bench.nets.architecture import Architecture, ImageShape, Published
from bench.nets.built_in import Repeated
from bench.nets.library_weights import checked_file, fetched
from bench.nets.pretrained import fit_weights, read_state
from bench.recipe import Weights

# The first part of a network that is no longer features, in the order in which parts are applied.
AFTER_FEATURES = ("avgpool", "classifier", "fc", "head", "heads")
DENSE_LAYER = r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)"  # and the dot that its keys once had
WITH_AUXILIARY_CLASSIFIERS = ("googlenet", "inception_v3")


def torchvision_names(pattern: str = "*") -> list[str]:
    """Return the names of torchvision's classification networks that fit a pattern with `*`."""
    from torchvision import models

    return [n for n in models.list_models(models, include=pattern) if n not in WITH_AUXILIARY_CLASSIFIERS]


class TorchvisionNet(Architecture):
    """A network of torchvision.

    Args:
        network: the library's name of it.

    Raises:
        UsageError: there is no network of this name, or it has auxiliary classifiers.
    """

    def __init__(self, network: str) -> None:
        super().__init__(f"torchvision:{network}")
        self.network = network
        if network in WITH_AUXILIARY_CLASSIFIERS:
            raise UsageError(f"backbone {self.name}: has auxiliary classifiers, choose another network")
        if network not in torchvision_names():
            raise no_network("torchvision", network, torchvision_names())

    def build(self, image_shape: ImageShape, weights: Weights | None = None) -> nn.Module:
        """Return the network up to its last feature map."""
        from torchvision import models

        channels, height, width = image_shape
        if channels not in (1, 3):
            raise UsageError(
                f"backbone {self.name}: wants 1 or 3 channels, got {channels}; timm:… takes any number"
            )
        model = models.get_model(self.network, **self._size(height, width))
        body = features_of(model)
        if weights:
            left_out = {*model.state_dict()} - {*body.state_dict()}
            file, state = self._state(weights, height)
            fit_weights(body, state, file, tuple(left_out))
        return body if channels == 3 else nn.Sequential(Repeated(3), body)

    def published(self, tag: str) -> Published:
        """Return the library's weights, by default those that it advises."""
        from torchvision import models

        known = models.get_model_weights(self.network)
        if tag and tag not in known.__members__:
            there_are = ", ".join(known.__members__)
            raise UsageError(f"recipe.pretrained=library:{tag}: {self.name} has the weights {there_are}")
        chosen: Any = known[tag] if tag else known.DEFAULT
        return Published(f"torchvision:{chosen}", fetched(f"torchvision:{chosen}", chosen.url))

    def _size(self, height: int, width: int) -> dict[str, Any]:
        """Return the image size, for the networks that must know it."""
        if self.network.startswith("maxvit"):
            return {"input_size": (height, width)}
        if not self.network.startswith("vit"):
            return {}
        if height != width:
            raise UsageError(f"backbone {self.name}: cannot take images of {height}×{width}, only square ones")
        return {"image_size": height}

    def _state(self, weights: Weights, side: int) -> tuple[Path, dict[str, Tensor]]:
        """Return a checkpoint's file and content; of published weights as the network is today."""
        if not weights.of_library:
            return Path(weights.path), read_state(Path(weights.path))
        file = checked_file(self.published(weights.tag), weights)
        state = read_state(file)
        if self.network.startswith("densenet"):  # published with keys of an earlier version
            state = {re.sub(DENSE_LAYER, r"\1", key): value for key, value in state.items()}
        if self.network.startswith("vit"):
            state = _for_side(state, side)
        return file, state


def _for_side(state: dict[str, Tensor], side: int) -> dict[str, Tensor]:
    """Return a vision transformer's weights with its positions interpolated to a side of images."""
    from torchvision.models.vision_transformer import interpolate_embeddings

    patch = state["conv_proj.weight"].shape[-1]
    found: dict[str, Tensor] = interpolate_embeddings(side, patch, OrderedDict(state))
    return found


def features_of(model: nn.Module) -> nn.Module:
    """Return a network's parts up to its last feature map, under their own names."""
    from torchvision.models import DenseNet, VisionTransformer

    if isinstance(model, VisionTransformer):
        return TokenMap(model)
    parts = OrderedDict[str, nn.Module]()
    for name, part in model.named_children():
        if name in AFTER_FEATURES:
            break
        parts[name] = nn.Sequential(*part) if isinstance(part, nn.ModuleList) else part
    if isinstance(model, DenseNet):  # its last ReLU is no part, but a function
        parts["relu"] = nn.ReLU()
    return nn.Sequential(parts)


class TokenMap(nn.Module):
    """A vision transformer whose tokens of patches, after the last layer, are a feature map.

    Args:
        transformer: torchvision's.
    """

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.conv_proj, self.class_token = transformer.conv_proj, transformer.class_token
        self.encoder = transformer.encoder

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channels h w"]:
        """Return the map; the class token takes part in attention and is left out at the end."""
        patches = self.conv_proj(images)  # (B, D, h, w)
        first = self.class_token.expand(len(images), -1, -1)
        tokens = self.encoder(torch.cat([first, patches.flatten(2).transpose(1, 2)], dim=1))
        found: Tensor = tokens[:, 1:].transpose(1, 2).unflatten(2, patches.shape[2:])
        return found


def no_network(library: str, name: str, names: list[str]) -> UsageError:
    """Return the error for a name that no network of a library has, with the nearest names."""
    near = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(f'{library}:{each}' for each in near)}? " if near else ""
    return UsageError(
        f"no backbone '{library}:{name}': {hint}`bench list '{library}:{name[:3]}*'` lists names that begin so"
    )
