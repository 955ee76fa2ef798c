"""The trunk that methods share: backbone → embedding head(s) → fc.

With a shared trunk, differences between methods in a table come from the methods alone.
"""

from typing import Annotated, Any

from jaxtyping import Float
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from bench.nets.dropout import Dropout
from bench.plugins.method import Backbone, MakeBackbone, Method, Task

DropoutRate = Annotated[float, Field(ge=0, lt=1)]


class FlattenPixels(nn.Module):
    """Flatten (B, C, h, w) → (B, h·w·C) in memory order; free for channels-last."""

    def forward(self, features: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch flat"]:
        """Return the flat features; the next layer is linear, so their order does not matter."""
        return features.permute(0, 2, 3, 1).flatten(1)


class EmbeddingHead(nn.Sequential):
    """Standardised feature map (B, C, h, w) → embedding (B, D), as in the published RUL code.

    That code standardises in each head. Standardisation has no parameters and is the same for all
    heads on a feature map, so here it is done once before the heads.

    Args:
        backbone: whose feature map the head gets.
        dimension: D.
        dropout: rate.
    """

    def __init__(self, backbone: Backbone, dimension: int, dropout: float) -> None:
        height, width = backbone.grid
        super().__init__(
            Dropout(dropout),
            FlattenPixels(),
            nn.Linear(backbone.channels * height * width, dimension),
            nn.BatchNorm1d(dimension, eps=2e-5),
        )


class EmbeddingMethod(Method):
    """Base class of methods with an embedding μ (B, D) and an affine classifier fc on it.

    Args:
        dimension: D; the paper finds 32 best, with little sensitivity (section I).
        dropout: rate in the embedding heads.
    """

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        dimension: PositiveInt = 64,
        dropout: DropoutRate = 0.4,
    ) -> None:
        super().__init__(task, make_backbone)
        self.dropout = dropout
        self.backbone = make_backbone()
        self.standardise = nn.BatchNorm2d(self.backbone.channels, eps=2e-5, affine=False)
        self.mean = EmbeddingHead(self.backbone, dimension, dropout)
        self.fc = nn.Linear(dimension, task.num_classes)

    def features(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features h w"]:
        """Return the standardised feature map (B, C, h, w) that the heads share."""
        return self.standardise(self.backbone(images))

    def embed(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch features"]:
        """Return the embedding μ (B, D)."""
        return self.mean(self.features(images))


class GaussianMethod(EmbeddingMethod):
    """Base class of methods that embed an image as a Gaussian N(μ, diag e^ℓ).

    A second head predicts ℓ = log σ².
    """

    def __init__(self, task: Task, make_backbone: MakeBackbone, **trunk: Any) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.log_variance = EmbeddingHead(self.backbone, self.fc.in_features, self.dropout)

    def gaussian(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch features"], Float[Tensor, "batch features"]]:
        """Return μ and ℓ (B, D each) from one pass through the backbone."""
        feature_map = self.features(images)
        return self.mean(feature_map), self.log_variance(feature_map)
