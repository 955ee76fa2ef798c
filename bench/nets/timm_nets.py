"""Networks of timm by name, without their classifiers.

The feature map is what the library's own `forward_features` returns: tokens are put back into a
map, without those of no patch. Images of any number of channels enter by the library's `in_chans`.
"""

import difflib
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.errors import UsageError
from bench.nets.architecture import Architecture, ImageShape, NoFeatureMap, Published
from bench.nets.library_weights import checked_file, fetched, not_fetched, tell
from bench.nets.pretrained import load_weights
from bench.nets.torchvision_nets import no_network
from bench.recipe import Weights

FILE_NAMES = ("model.safetensors", "pytorch_model.bin")  # of weights, on the Hugging Face hub


def timm_names(pattern: str = "*") -> list[str]:
    """Return the names of timm's networks that fit a pattern with `*`.

    Raises:
        UsageError: timm is not installed.
    """
    names: list[str] = _library().list_models(pattern)
    return names


def _library() -> Any:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise UsageError(
            f"backbone timm:…: {error.name} is not installed; pip install '.[timm]' brings it"
        ) from None
    return timm


class TimmNet(Architecture):
    """A network of timm.

    Args:
        network: the library's name of it, without a tag of weights.

    Raises:
        UsageError: timm is not installed, or there is no network of this name.
    """

    def __init__(self, network: str) -> None:
        super().__init__(f"timm:{network}")
        bare, _, tag = network.partition(".")
        self.network, self.timm = network, _library()
        if tag and self.timm.is_model(bare):
            raise UsageError(
                f"backbone {self.name}: write timm:{bare}, and recipe.pretrained=library:{tag} for its weights"
            )
        if network not in timm_names():
            raise no_network("timm", network, timm_names())

    def build(self, image_shape: ImageShape, weights: Weights | None = None) -> nn.Module:
        """Return the network up to its last feature map, told the size of the images if it asks."""
        published: dict[str, Any] = {}
        network = self.network
        if weights and weights.of_library:
            file = checked_file(self.published(weights.tag), weights)
            network = ".".join(filter(None, (network, weights.tag)))
            published = {"pretrained": True, "pretrained_cfg_overlay": {"file": str(file)}}
        model = self._created(network, image_shape, published)
        if not hasattr(model, "forward_features"):
            raise UsageError(f"backbone {self.name}: has no forward_features, choose another network")
        net = ForwardFeatures(model, image_shape)
        left_out = (*_classifiers(model), *net.without_unused(image_shape))
        if weights and not weights.of_library:
            load_weights(model, Path(weights.path), left_out)
        return net

    def _created(self, network: str, image_shape: ImageShape, options: dict[str, Any]) -> nn.Module:
        """Return the library's model; not all take a size of images, or forgo pooling."""
        channels, *size = image_shape
        for more in ({"img_size": tuple(size)}, {}):
            try:
                model: nn.Module = self.timm.create_model(
                    network, num_classes=0, global_pool="", in_chans=channels, **more, **options
                )
                return model
            except TypeError as error:
                if "img_size" not in str(error) or not more:
                    raise
        raise AssertionError

    def published(self, tag: str) -> Published:
        """Return the library's weights, by default those that it names first."""
        name = ".".join(filter(None, (self.network, tag)))
        try:
            about = self.timm.get_pretrained_cfg(name)
        except RuntimeError:
            about = None
        if about is None or not about.has_weights:
            tags = [each.partition(".")[2] for each in self.timm.list_pretrained(f"{self.network}.*")]
            near = ", ".join(difflib.get_close_matches(tag, tags, n=1) or tags[:5]) or "none"
            raise UsageError(f"recipe.pretrained=library{tag and f':{tag}'}: {self.name} has the weights {near}")
        full = f"timm:{self.network}.{about.tag}"
        return Published(full, _file(full, about))


def _file(name: str, about: Any) -> Path:
    """Return the file of weights, in the library's cache or fetched from where it says."""
    if about.file:
        return Path(about.file)
    if not about.hf_hub_id:
        return fetched(name, about.url)
    from huggingface_hub import try_to_load_from_cache

    names = (about.hf_hub_filename,) if about.hf_hub_filename else FILE_NAMES
    for each in names:
        if isinstance(found := try_to_load_from_cache(about.hf_hub_id, each), str):
            return Path(found)
    tell(name, f"huggingface.co/{about.hf_hub_id}")
    try:
        with _quiet():
            return _from_hub(about.hf_hub_id, names)
    except Exception as error:
        raise not_fetched(name, f"huggingface.co/{about.hf_hub_id}", error) from None


def _from_hub(repository: str, names: tuple[str, ...]) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for each in names[:-1]:
        try:
            return Path(hf_hub_download(repository, each))
        except LocalEntryNotFoundError:  # there is no connection, which is one of the next kind
            raise
        except EntryNotFoundError:
            continue
    return Path(hf_hub_download(repository, names[-1]))


@contextmanager
def _quiet() -> Iterator[None]:
    """Let the hub's library not write of each time it tries again."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _classifiers(model: Any) -> tuple[str, ...]:
    """Return what the keys of a model's classifiers begin with."""
    names = (getattr(model, "pretrained_cfg", None) or {}).get("classifier") or ()
    return tuple(f"{name}." for name in ((names,) if isinstance(names, str) else names))


class ForwardFeatures(nn.Module):
    """A network of timm whose features are a map (B, channels, h, w).

    Args:
        model: the network.
        image_shape: (C, H, W) of the images, whose sides tell those of the map of tokens.
    """

    def __init__(self, model: Any, image_shape: ImageShape) -> None:
        super().__init__()
        self.model = model
        self.prefix = getattr(model, "num_prefix_tokens", 0) or 0
        self.channels_last = getattr(model, "output_fmt", None) == "NHWC"
        self.ratio = image_shape[1] / image_shape[2]

    def forward(self, images: Float[Tensor, "batch _ height width"]) -> Float[Tensor, "batch channels h w"]:
        """Return the feature map.

        Raises:
            NoFeatureMap: the network returns no map and no tokens.
        """
        found = self.model.forward_features(images)
        if not isinstance(found, Tensor) or found.ndim not in (3, 4):
            raise NoFeatureMap("its features are neither a map nor tokens; choose another network")
        if found.ndim == 4:
            return found.permute(0, 3, 1, 2) if self.channels_last else found
        tokens = found[:, self.prefix :].transpose(1, 2)  # (B, D, T)
        return tokens.unflatten(2, sides(tokens.shape[2], self.ratio))  # (B, D, h, w)

    def without_unused(self, image_shape: ImageShape) -> list[str]:
        """Drop parts that serve the classifier alone, and return the keys of their parameters.

        They are known by what has no influence on the features of an image.
        """
        named = dict(self.model.named_parameters())
        training = self.training
        with torch.enable_grad():
            features = self.eval()(torch.zeros(1, *image_shape))
            found = torch.autograd.grad(features.sum(), list(named.values()), allow_unused=True)
        self.train(training)
        unused = {name for name, gradient in zip(named, found, strict=True) if gradient is None}
        for name in _whole_parts(self.model, unused):
            self.model.set_submodule(name, nn.Identity())
        for name in unused & {*dict(self.model.named_parameters())}:
            named[name].requires_grad_(False)
        return sorted(unused)


def _whole_parts(model: nn.Module, unused: set[str]) -> list[str]:
    """Return the names of the largest parts that hold nothing but unused parameters."""
    found: list[str] = []
    for name, part in model.named_modules():
        own = {f"{name}.{key}" for key, _ in part.named_parameters()}
        if name and own and own <= unused and not name.startswith(tuple(f"{each}." for each in found)):
            found.append(name)
    return found


def sides(tokens: int, ratio: float) -> tuple[int, int]:
    """Return height and width of a map of so many tokens whose ratio is nearest to the one given.

    Raises:
        NoFeatureMap: the nearest ratio is twice or half of it; a token of no patch is among them.

    >>> sides(16, 1.0), sides(8, 0.5)
    ((4, 4), (2, 4))
    """
    heights = [height for height in range(1, tokens + 1) if tokens % height == 0]
    distances = {abs(math.log(height * height / tokens / ratio)): height for height in heights}
    nearest = min(distances)
    if nearest >= math.log(2):
        raise NoFeatureMap(f"its {tokens} tokens are no map of the image; choose another network")
    return distances[nearest], tokens // distances[nearest]
