"""Self-Cure Network: attention-weighted logits, rank loss.

Source: Wang et al., Suppressing Uncertainties for Large-Scale Facial Expression Recognition, CVPR 2020:
logit-weighted cross-entropy (eq. 2) and rank regularisation (eq. 3), added up as in their published code.
Departures: the attention reads the embedding μ instead of the pooled 512-d feature, for equal trunks.
Its relabelling belongs to the harness: the paper's low-importance group is `--set relabel.fraction=0.3`,
the published code's all samples `--set relabel.fraction=1`.
"""

from typing import Annotated, Any

from pydantic import Field, NonNegativeFloat
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Batch, EmbeddingMethod, MakeBackbone, Prediction, Progress, Step, Task

Fraction = Annotated[float, Field(gt=0, lt=1)]


def rank_loss(attention: Tensor, ratio: float, margin: float) -> Tensor:
    """Return max(0, δ₁ − (ā_high − ā_low)), the int(βB) largest a (B,), at least one, being the high group."""
    ordered = attention.sort(descending=True).values
    high = max(1, int(ratio * len(ordered)))
    return F.relu(margin - (ordered[:high].mean() - ordered[high:].mean()))


class SelfCureNetwork(EmbeddingMethod):
    """L = CE(a · fc(μ), y) + max(0, δ₁ − (ā_high − ā_low)), a = sigmoid(Linear(μ)); u = 1 − a.

    Args:
        ratio: β, the part of a batch in the high-importance group.
        margin: δ₁; None takes 0.15 for batches of 512 or more (published for 1024) and 0.07 below (for 64).
    """

    version = 1
    relabels = True

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        ratio: Fraction = 0.7,
        margin: NonNegativeFloat | None = None,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.attention = nn.Linear(self.fc.in_features, 1)
        self.ratio, self.margin = ratio, margin

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits a · fc(μ) (B, K), the attention's logit (B,) and μ (B, D)."""
        mean = self.embed(images)
        attention_logit = self.attention(mean)  # (B, 1)
        return attention_logit.sigmoid() * self.fc(mean), attention_logit.squeeze(1), mean

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the weighted cross-entropy plus the rank regularisation."""
        logits, attention_logit, _ = self(batch.images)
        margin = self.margin if self.margin is not None else (0.15 if len(logits) >= 512 else 0.07)
        rank = rank_loss(attention_logit.sigmoid(), self.ratio, margin)
        return Step(F.cross_entropy(logits, batch.labels) + rank, logits, (-attention_logit).sigmoid())

    def predict(self, images: Tensor) -> Prediction:
        """Return a · fc(μ) and 1 − a."""
        logits, attention_logit, mean = self(images)
        return Prediction(logits, (-attention_logit).double().sigmoid(), mean)
