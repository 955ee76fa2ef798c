"""Nets that return the feature map. A recipe names one of `BACKBONES`.

The number type stays in here: a backbone runs under autocast with channels last and hands on float32, so that
no method meets a bfloat16 exponential.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.method import Backbone


class FeatureMap(Backbone):
    """A net under autocast, channels last, that returns its feature map (B, channels, *grid) in float32."""

    def __init__(self, net: nn.Module, image_shape: tuple[int, int, int], dtype: torch.dtype) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)
        self.dtype = dtype
        with torch.no_grad():
            _, self.channels, *grid = net.eval()(torch.zeros(1, *image_shape)).shape
        self.grid = (grid[0], grid[1])
        net.train()

    def forward(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch channels h w"]:
        """Return the feature map of float images."""
        images = images.contiguous(memory_format=torch.channels_last)
        mixed = self.dtype != torch.float32
        with torch.autocast(images.device.type, self.dtype if mixed else None, enabled=mixed):
            features = self.net(images)
        return features.float()


def _cnn(channels: int, widths: Sequence[int]) -> nn.Module:
    layers: list[nn.Module] = []
    for stage, width in enumerate(widths):
        if stage:
            layers.append(nn.MaxPool2d(2))
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers)


def _resnet18(channels: int) -> nn.Module:
    """Return torchvision's ResNet-18 with a 3×3 stem of stride 1 and no first pooling, for 28–48 px images."""
    from torchvision.models import resnet18

    net = resnet18()
    stem = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(stem, net.bn1, net.relu, net.layer1, net.layer2, net.layer3, net.layer4)


BACKBONES: dict[str, Callable[[int], nn.Module]] = {
    "cnn-16-32-64": partial(_cnn, widths=(16, 32, 64)),
    "cnn-32-64-128": partial(_cnn, widths=(32, 64, 128)),
    "resnet18": _resnet18,
}


def make_backbone(name: str, image_shape: tuple[int, int, int], dtype: torch.dtype) -> FeatureMap:
    """Build a freshly initialised backbone for images (C, H, W), computing in `dtype`."""
    return FeatureMap(BACKBONES[name](image_shape[0]), image_shape, dtype)
