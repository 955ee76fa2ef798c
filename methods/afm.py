"""Attentive feature mixup: features mixed in pairs by how much each is trusted, rul's opposite.

Source: Peng et al., Suppressing Mislabeled Data via Grouping and Self-Attention, ECCV 2020: groups of a batch, an
attention for each member, features and labels mixed by the attentions, trained beside the unmixed samples.
Departures: the attention is one linear layer on each sample's own embedding, not two on the group's together, so
that one image has an uncertainty; features are the embedding μ, for equal trunks. Groups are pairs and the mixed
loss weighs three times the unmixed, as in the published code. That code counts both labels of a pair half; the
paper's weighted labels are kept.
"""

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Batch, EmbeddingMethod, MakeBackbone, Prediction, Progress, Step, Task


class AttentiveFeatureMixup(EmbeddingMethod):
    """L = λ Σ_k w_k CE(fc(Σ w μ), y_k) + (1 − λ) CE(fc(μ), y), w = a / Σ a, a = sigmoid(Linear(μ)); u = 1 − a.

    Args:
        mixed: λ, the weight of the mixed loss.
    """

    version = 1

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        mixed: Annotated[float, Field(ge=0, le=1)] = 0.75,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.mixed = mixed
        self.attention = nn.Linear(self.fc.in_features, 1)

    def attend(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ (B, D) and the attention's logit (B,)."""
        mean = self.embed(images)
        return mean, self.attention(mean).squeeze(1)

    def mixed_loss(self, mean: Tensor, attention: Tensor, labels: Tensor, partner: Tensor) -> Tensor:
        """Return the loss of each sample mixed with its partner, against both labels, by their attentions (B,)."""
        weight = attention / (attention + attention[partner])  # (B,), of the sample; its partner has the rest
        mixed = weight.unsqueeze(1) * mean + (1 - weight).unsqueeze(1) * mean[partner]
        logits = self.fc(mixed)
        own, other = (F.cross_entropy(logits, target, reduction="none") for target in (labels, labels[partner]))
        return (weight * own + (1 - weight) * other).mean()

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the weighted sum of the mixed and the unmixed loss."""
        mean, attention_logit = self.attend(batch.images)
        partner = torch.randperm(len(mean), device=mean.device)
        logits = self.fc(mean)
        mixed = self.mixed_loss(mean, attention_logit.sigmoid(), batch.labels, partner)
        unmixed = F.cross_entropy(logits, batch.labels)
        return Step(self.mixed * mixed + (1 - self.mixed) * unmixed, logits, (-attention_logit).detach().sigmoid())

    def predict(self, images: Tensor) -> Prediction:
        """Return fc(μ) and 1 − a."""
        mean, attention_logit = self.attend(images)
        return Prediction(self.fc(mean), (-attention_logit).double().sigmoid(), mean)
