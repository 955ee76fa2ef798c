"""Self-Cure Network: logits weighted by an attention, with a rank loss on it.

Source: Wang et al., Suppressing Uncertainties for Large-Scale Facial Expression Recognition, CVPR
2020: logit-weighted cross-entropy (eq. 2) plus rank regularisation (eq. 3), as in the published
code.
Departures: the attention reads the embedding μ instead of the pooled 512-d feature, for equal
trunks. A margin that is not given follows the size of each batch, so the short last batch of a
recipe of 512 or more has the small one. Relabelling is done by the harness: `--set
relabel.fraction=0.3` relabels in the paper's low-importance group, `--set relabel.fraction=1` in
all samples, as the published code does.
"""

from typing import Annotated, Any

from pydantic import Field, NonNegativeFloat
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Batch, EmbeddingMethod, MakeBackbone, Prediction, Progress, Step, Task, in_float64

Fraction = Annotated[float, Field(gt=0, lt=1)]


def rank_loss(attention: Tensor, ratio: float, margin: float) -> Tensor:
    """Return max(0, δ₁ − (ā_high − ā_low)) (), the rank loss of attentions a (B,).

    Args:
        attention: a.
        ratio: β; the int(βB) largest a, at least one, are the high group.
        margin: δ₁.
    """
    ordered = attention.sort(descending=True).values
    high = max(1, int(ratio * len(ordered)))
    return F.relu(margin - (ordered[:high].mean() - ordered[high:].mean()))


class SelfCureNetwork(EmbeddingMethod):
    """Logits a · fc(μ), a = sigmoid(Linear(μ)); uncertainty u = 1 − a.

    L = CE(a · fc(μ), y) + max(0, δ₁ − (ā_high − ā_low)).

    Args:
        ratio: β, the part of a batch in the high-importance group.
        margin: δ₁; None takes 0.15 for batches of 512 or more (published for 1024), else 0.07
            (published for 64).
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
        """Return logits a · fc(μ) (B, K), the logit of the attention (B,) and μ (B, D)."""
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
        """Return logits a · fc(μ), uncertainty 1 − a and features μ."""
        logits, attention_logit, mean = self(images)
        return Prediction(logits, in_float64(-attention_logit).sigmoid(), mean)
