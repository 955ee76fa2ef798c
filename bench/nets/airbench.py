"""Nets for short training on small images.

Source: Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024 (arXiv 2404.00498), section 3,
and the published code of airbench94 and airbench96.

Left out: the classifier and its scale, which belong to the methods. The higher learning rate for
the biases of normalisations and the freezing of the first layer's bias are settings of a recipe.

Differences: the filters are fitted to the first training batch after augmentation, not to 5,000
unaugmented images; normalisations add torch's default 1e-5 to variances, not 1e-12.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nets.precision import computing_in

EPSILON = 5e-4  # added to the eigenvalues


class Whitening(nn.Module):
    """A 2×2 convolution that whitens patches; its filters are fixed by the first training batch.

    The filters are the eigenvectors of the patches' second moments, each divided by the square root
    of its eigenvalue, and their negatives.
    """

    filters: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        patch = channels * 4
        self.register_buffer("filters", torch.zeros(2 * patch, channels, 2, 2))
        self.bias = nn.Parameter(torch.zeros(2 * patch))
        self.fitted = False

    def forward(self, images: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch patches h-1 w-1"]:
        """Return the whitened patches, followed by their negatives along the channels."""
        if self.training and not self.fitted:
            self.fit(images)
        return F.conv2d(images, self.filters, self.bias)

    @torch.no_grad()
    def fit(self, images: Float[Tensor, "batch channels h w"]) -> None:
        """Compute the filters from the images' patches."""
        with computing_in(torch.float32, images.device):
            patches = F.unfold(images.float(), 2).transpose(1, 2).flatten(0, 1)  # (B·(h−1)·(w−1), patch)
            variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
            filters = (directions / (variances + EPSILON).sqrt()).T
        self.filters.copy_(torch.cat([filters, -filters]).view_as(self.filters))
        self.fitted = True

    def get_extra_state(self) -> Tensor:
        """Return whether the filters are set.

        A buffer would do as well, but reading one from a GPU in every step would wait for the
        device.
        """
        return torch.tensor(self.fitted)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the state that `get_extra_state` returned."""
        self.fitted = bool(state)


class Stage(nn.Module):
    """A convolution with 2×2 pooling, then `further` convolutions at that size.

    With two further convolutions a residual connection bypasses them.
    """

    def __init__(self, channels: int, width: int, further: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            _convolution(channels, width), nn.MaxPool2d(2), _normalisation(width), nn.GELU()
        )
        layers: list[nn.Module] = []
        for _ in range(further):
            layers += [_convolution(width, width), _normalisation(width), nn.GELU()]
        self.stay = nn.Sequential(*layers[:-1])
        self.bypass = further == 2

    def forward(self, features: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch width _ _"]:
        """Return the stage's feature map, with half the height and width."""
        entered = self.enter(features)
        stayed = self.stay(entered)
        return F.gelu(stayed + entered if self.bypass else stayed)


def airbench(channels: int, widths: Sequence[int], further: int) -> nn.Module:
    """Return a net: whitened patches, stages of the given widths, global maximum pooling.

    Args:
        channels: of the images.
        widths: number of channels of each stage.
        further: convolutions per stage after the first.
    """
    stages = []
    entering = 8 * channels
    for width in widths:
        stages.append(Stage(entering, width, further))
        entering = width
    return nn.Sequential(Whitening(channels), nn.GELU(), *stages, nn.AdaptiveMaxPool2d(1))


def _convolution(channels: int, width: int) -> nn.Conv2d:
    """Return a 3×3 convolution initialised as the identity on its first channels."""
    layer = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    with torch.no_grad():
        nn.init.dirac_(layer.weight[:channels])
    return layer


def _normalisation(width: int) -> nn.BatchNorm2d:
    """Return a batch normalisation with a learned bias and a fixed scale of 1."""
    layer = nn.BatchNorm2d(width)
    layer.weight.requires_grad_(False)
    return layer
