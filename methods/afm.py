"""Attentive feature mixup: pairs of features mixed by learned attention, opposite to rul.

Source: Peng et al., Suppressing Mislabeled Data via Grouping and Self-Attention, ECCV 2020: groups
of samples, an attention weight per member, features and labels mixed by these weights, trained
together with the unmixed samples.
Departures: the attention is one linear layer on each sample's embedding instead of two on the whole
group's, so that a single image has an uncertainty. Features are the embedding μ, for equal trunks.
As in the published code, groups are pairs and the mixed loss weighs three times the unmixed loss;
but labels are weighted as in the paper, where the code gives both labels of a pair the weight 1/2.
"""

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Batch, EmbeddingMethod, MakeBackbone, Prediction, Progress, Step, Task, in_float64


class AttentiveFeatureMixup(EmbeddingMethod):
    """Classifier with an attention a = sigmoid(Linear(μ)); uncertainty u = 1 − a.

    L = λ Σ_k w_k CE(fc(Σ_k w_k μ_k), y_k) + (1 − λ) CE(fc(μ), y), w = a / Σ a.

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
        """Return μ (B, D) and the logit of the attention (B,)."""
        mean = self.embed(images)
        return mean, self.attention(mean).squeeze(1)

    def mixed_loss(self, mean: Tensor, attention: Tensor, labels: Tensor, partner: Tensor) -> Tensor:
        """Return the mean loss () of samples mixed with their partners, against both labels.

        Args:
            mean: μ (B, D).
            attention: a (B,).
            labels: (B,).
            partner: index (B,) of each sample's partner in the batch.
        """
        weight = attention / (attention + attention[partner])  # (B,); the partner has 1 − weight
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
        """Return logits fc(μ), uncertainty 1 − a and features μ."""
        mean, attention_logit = self.attend(images)
        return Prediction(self.fc(mean), in_float64(-attention_logit).sigmoid(), mean)
