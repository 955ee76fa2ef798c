"""Cross-entropy; the uncertainty is 1 over the length of the embedding."""

from typing import Any

from pydantic import NonNegativeFloat
from torch import Tensor
from torch.nn import functional as F

from bench.api import Batch, EmbeddingMethod, MakeBackbone, Prediction, Progress, Step, Task


class Norm(EmbeddingMethod):
    """L = CE(fc(μ), y) + strength · mean 1/‖μ‖; u = 1/‖μ‖ (larger = less sure).

    Args:
        strength: weight of the term that lengthens embeddings.
    """

    # Hyper-parameters are keywords with an annotation and a default: `--set norm.strength=0.5`.
    # `**trunk` passes on those of the shared trunk: `dimension` and `dropout`.
    def __init__(
        self, task: Task, make_backbone: MakeBackbone, *, strength: NonNegativeFloat = 0.1, **trunk: Any
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.strength = strength

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the loss of a batch, and logits and uncertainty for relabelling and logs."""
        mean = self.embed(batch.images)  # (B, D)
        logits, uncertainty = self.fc(mean), self.uncertainty(mean)  # (B, K), (B,)
        loss = F.cross_entropy(logits, batch.labels) + self.strength * uncertainty.mean()
        return Step(loss, logits, uncertainty)

    def predict(self, images: Tensor) -> Prediction:
        """Return logits (B, K), uncertainty (B,) and features (B, D)."""
        mean = self.embed(images)
        return Prediction(self.fc(mean), self.uncertainty(mean), mean)

    @staticmethod
    def uncertainty(mean: Tensor) -> Tensor:
        """Return 1/‖μ‖ (B,)."""
        return 1 / mean.norm(dim=1).clamp(min=1e-6)
