"""Wide residual networks for small images.

Source: Zagoruyko and Komodakis, Wide Residual Networks, BMVC 2016 (arXiv 1605.07146), table 1 and
the published code: basic blocks of two 3×3 convolutions, normalisation and ReLU before each, no
dropout, 1×1 convolutions on the shortcut where width changes, weights after He et al. by fan-out.
The classifier and its pooling are left out.
"""

from collections.abc import Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.errors import UsageError
from bench.nets.architecture import Net

STEM = 16  # channels


class PreactivatedBlock(nn.Module):
    """Two 3×3 convolutions, each after normalisation and ReLU, and a shortcut around them.

    Args:
        channels: of its input.
        width: of its output.
        stride: of the first convolution.
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(channels), _convolution(channels, width, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(width), _convolution(width, width, 3, 1)
        self.shortcut = _convolution(channels, width, 1, stride) if channels != width else None

    def forward(self, features: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch width _ _"]:
        """Return the sum of both ways; a shortcut with a convolution begins after the ReLU."""
        active = F.relu(self.bn1(features))
        bypass = features if self.shortcut is None else self.shortcut(active)
        changed: Tensor = bypass + self.conv2(F.relu(self.bn2(self.conv1(active))))
        return changed


def wide_resnet(channels: int, depth: int, width: int) -> nn.Module:
    """Return WRN-depth-width: a stem, three groups of (depth − 4) / 6 blocks, a last activation.

    Args:
        channels: of the images.
        depth: number of convolutions, those on shortcuts included.
        width: factor of the channels 16, 32 and 64 of the groups.
    """
    layers: list[nn.Module] = [_convolution(channels, STEM, 3, 1)]
    entering = STEM
    for leaving, stride in ((16 * width, 1), (32 * width, 2), (64 * width, 2)):
        layers.append(PreactivatedBlock(entering, leaving, stride))
        layers += [PreactivatedBlock(leaving, leaving, 1) for _ in range((depth - 4) // 6 - 1)]
        entering = leaving
    return nn.Sequential(*layers, nn.BatchNorm2d(entering), nn.ReLU())


def of_depth_and_width(numbers: Sequence[int]) -> Net:
    """Return the function that builds wrn-DEPTH-WIDTH for a number of channels.

    Raises:
        UsageError: there are not two numbers, or there is no net of this depth.
    """
    if len(numbers) != 2 or numbers[0] < 10 or (numbers[0] - 4) % 6:
        given = "-".join(map(str, numbers))
        raise UsageError(
            f"no backbone 'wrn-{given}': must be wrn-DEPTH-WIDTH with a depth of 10, 16, 22, 28, …, "
            f"such as wrn-28-10"
        )
    return partial(wide_resnet, depth=numbers[0], width=numbers[1])


def _convolution(channels: int, width: int, size: int, stride: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, width, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
