"""Nets of the harness: small ones, and ResNets for small images."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from bench.errors import UsageError
from bench.nets.airbench import airbench
from bench.nets.architecture import Net
from bench.nets.wide_resnet import of_depth_and_width


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


def _small_resnet(channels: int, name: str) -> nn.Module:
    """Return a ResNet of torchvision's for images of 28 to 48 pixels.

    The stem is a 3×3 convolution with stride 1, and the first pooling is left out.
    """
    from torchvision.models import get_model

    net = get_model(name)
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
    "resnet18": partial(_small_resnet, name="resnet18"),
    "resnet18-imagenet": _resnet18_imagenet,
    "resnet34": partial(_small_resnet, name="resnet34"),
    "resnet50": partial(_small_resnet, name="resnet50"),
}
# By the start of their names; the numbers in a name choose the member.
FAMILIES: dict[str, Callable[[Sequence[int]], Net]] = {
    "cnn": lambda widths: partial(_cnn, widths=widths),
    "cnn-pooled": lambda widths: partial(_pooled_cnn, widths=widths),
    "wrn": of_depth_and_width,
}
