"""Backbones: nets that return a feature map. A recipe names one, see `find_backbone`.

Only the backbone runs under autocast and channels-last; it returns float32, so that methods never
compute exponentials in bfloat16.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.errors import UsageError, one_line, unknown
from bench.nets.airbench import airbench
from bench.nets.precision import computing_in
from bench.nets.pretrained import load_weights
from bench.plugins.method import Backbone

Net = Callable[[int], nn.Module]  # (channels of the images) → a net without classifier


class FeatureMap(Backbone):
    """Wrapper of a net: runs it under autocast, channels-last, and returns float32.

    Args:
        net: maps images to a feature map.
        image_shape: (C, H, W) of the images.
        dtype: number type of the net's computations.
    """

    def __init__(self, net: nn.Module, image_shape: tuple[int, int, int], dtype: torch.dtype) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)
        self.dtype = dtype
        with torch.no_grad():
            _, self.channels, *grid = net.eval()(torch.zeros(1, *image_shape)).shape
        self.grid = (grid[0], grid[1])
        net.train()

    def forward(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch channels h w"]:
        """Return the feature map (B, channels, *grid) of float images (B, C, H, W)."""
        images = images.contiguous(memory_format=torch.channels_last)
        with computing_in(self.dtype, images.device):
            features = self.net(images)
        return features.float()


def _cnn(channels: int, widths: Sequence[int]) -> nn.Module:
    """Return a small net: per stage convolution, normalisation, ReLU; pooling between stages.

    ReLU comes after pooling, where there are a quarter of the values; the result is the same.
    """
    layers: list[nn.Module] = []
    for width in widths:
        layers += [_convolution(channels, width), nn.BatchNorm2d(width), nn.MaxPool2d(2), nn.ReLU()]
        channels = width
    *stages, _, last = layers
    return nn.Sequential(*stages, last)


def _pooled_cnn(channels: int, widths: Sequence[int]) -> nn.Module:
    """Return a small net: per stage convolution, pooling, normalisation, ReLU.

    Pooling comes first, so that normalisation has a quarter of the values.
    """
    layers: list[nn.Module] = []
    for width in widths:
        layers += [_convolution(channels, width), nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers)


def _convolution(channels: int, width: int) -> nn.Conv2d:
    return nn.Conv2d(channels, width, 3, padding=1, bias=False)


RESNET_STAGES = ("bn1", "relu", "layer1", "layer2", "layer3", "layer4")


def _resnet18(channels: int) -> nn.Module:
    """Return torchvision's ResNet-18 for images of 28 to 48 pixels.

    The stem is a 3×3 convolution with stride 1, and the first pooling is left out.
    """
    from torchvision.models import resnet18

    net = resnet18()
    stem = _convolution(channels, 64)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(OrderedDict(conv1=stem, **{name: getattr(net, name) for name in RESNET_STAGES}))


class Repeated(nn.Module):
    """Grey images (B, 1, H, W) → the same in several channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, images: Float[Tensor, "batch 1 h w"]) -> Float[Tensor, "batch channels h w"]:
        """Return the images with their only channel repeated."""
        return images.expand(-1, self.channels, -1, -1)


def _resnet18_imagenet(channels: int) -> nn.Module:
    """Return torchvision's ResNet-18 unchanged, for images of about 224 pixels.

    Grey images are repeated to its three channels.

    Raises:
        UsageError: the images have neither 1 nor 3 channels.
    """
    from torchvision.models import resnet18

    if channels not in (1, 3):
        raise UsageError(
            f"backbone resnet18-imagenet: wants 1 or 3 channels, got {channels}; resnet18 takes any number"
        )
    net = resnet18()
    stages = ("conv1", "bn1", "relu", "maxpool", *RESNET_STAGES[2:])
    body = OrderedDict((name, getattr(net, name)) for name in stages)
    return nn.Sequential(body if channels == 3 else OrderedDict(repeat=Repeated(3)) | body)


BACKBONES: dict[str, Net] = {
    "airbench94": partial(airbench, widths=(64, 256, 256), further=1),
    "airbench96": partial(airbench, widths=(128, 512, 512), further=2),
    "cnn-16-32-64": partial(_cnn, widths=(16, 32, 64)),
    "cnn-32-64-128": partial(_cnn, widths=(32, 64, 128)),
    "cnn-pooled-16-24-48": partial(_pooled_cnn, widths=(16, 24, 48)),
    "resnet18": _resnet18,
    "resnet18-imagenet": _resnet18_imagenet,
}
OF_ANY_WIDTHS: dict[str, Callable[..., nn.Module]] = {"cnn": _cnn, "cnn-pooled": _pooled_cnn}


def find_backbone(name: str) -> Net:
    """Return the function that builds a net for a number of channels.

    Args:
        name: a key of `BACKBONES`, or a family of `OF_ANY_WIDTHS` with the widths of its stages:
            `cnn-pooled-32-64-128`.

    Raises:
        UsageError: no backbone has this name.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    written = re.fullmatch(r"([a-z-]+?)((?:-[1-9][0-9]{0,3})+)", name)
    if written is None or written[1] not in OF_ANY_WIDTHS:
        raise unknown("backbone", name, BACKBONES)
    return partial(OF_ANY_WIDTHS[written[1]], widths=[int(width) for width in written[2][1:].split("-")])


def make_backbone(
    name: str, image_shape: tuple[int, int, int], dtype: torch.dtype, weights: Path | None = None
) -> FeatureMap:
    """Build a backbone, freshly initialised or from a checkpoint.

    Args:
        name: of the backbone, as `find_backbone` takes it.
        image_shape: (C, H, W) of the images.
        dtype: number type in which the net computes.
        weights: file of a checkpoint with the initial weights; None for random ones.

    Raises:
        UsageError: the checkpoint cannot be read or does not fit, or the images are too small.
    """
    net = find_backbone(name)(image_shape[0])
    if weights:
        load_weights(net, weights)
    try:
        return FeatureMap(net, image_shape, dtype)
    except RuntimeError as error:
        raise UsageError(f"backbone {name}: cannot take images {image_shape}: {one_line(error)}") from None
