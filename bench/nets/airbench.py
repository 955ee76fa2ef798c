"""Nets for short training on small images.

Source: Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024 (arXiv 2404.00498), section 3, and the
published code of airbench94 and airbench96. Left out: the classifier and its scale, which are the methods' own,
the higher rate of the normalisations' biases, and the freezing of the first layer's bias. Otherwise than there:
the filters are fitted on the first training batch as it was augmented, not on 5,000 images as they are, and the
normalisations add torch's usual 1e-5 to variances, not 1e-12.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 5e-4  # added to the variances of patches


class Whitening(nn.Module):
    """A 2×2 convolution to ± the whitened patches, its filters fixed by the first training batch.

    The filters are the eigenvectors of the patches' second moments over the roots of the eigenvalues.
    """

    filters: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        patch = channels * 4
        self.register_buffer("filters", torch.zeros(2 * patch, channels, 2, 2))
        self.bias = nn.Parameter(torch.zeros(2 * patch))
        self.fitted = False

    def forward(self, images: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch patches h-1 w-1"]:
        """Return the patches' coordinates, then the same negated."""
        if self.training and not self.fitted:
            self.fit(images)
        return F.conv2d(images, self.filters, self.bias)

    @torch.no_grad()
    def fit(self, images: Float[Tensor, "batch channels h w"]) -> None:
        """Set the filters to those that whiten the images' patches."""
        with torch.autocast(images.device.type, enabled=False):
            patches = F.unfold(images.float(), 2).transpose(1, 2).flatten(0, 1)  # (B·(h−1)·(w−1), patch)
            variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
            filters = (directions / (variances + EPSILON).sqrt()).T
        self.filters.copy_(torch.cat([filters, -filters]).view_as(self.filters))
        self.fitted = True

    def get_extra_state(self) -> Tensor:
        """Return whether the filters are set: no buffer, which a GPU would be asked for in every step."""
        return torch.tensor(self.fitted)

    def set_extra_state(self, state: Tensor) -> None:
        """Go back to a state."""
        self.fitted = bool(state)


class Stage(nn.Module):
    """A convolution and a halving of the grid, then further convolutions at that size; two have a bypass."""

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
        """Return the stage's feature map, of half the height and width."""
        entered = self.enter(features)
        stayed = self.stay(entered)
        return F.gelu(stayed + entered if self.bypass else stayed)


def airbench(channels: int, widths: Sequence[int], further: int) -> nn.Module:
    """Return a net of whitened patches, stages of these widths, and a maximum over what is left of the grid."""
    stages = []
    entering = 8 * channels
    for width in widths:
        stages.append(Stage(entering, width, further))
        entering = width
    return nn.Sequential(Whitening(channels), nn.GELU(), *stages, nn.AdaptiveMaxPool2d(1))


def _convolution(channels: int, width: int) -> nn.Conv2d:
    """Return a 3×3 convolution that starts as the identity on its first channels."""
    layer = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    with torch.no_grad():
        nn.init.dirac_(layer.weight[:channels])
    return layer


def _normalisation(width: int) -> nn.BatchNorm2d:
    """Return a batch normalisation that learns a bias and no scale."""
    layer = nn.BatchNorm2d(width)
    layer.weight.requires_grad_(False)
    return layer
