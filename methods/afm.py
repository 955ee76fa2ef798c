"""Attentive feature mixup: features mixed in pairs by how much each is trusted, rul's opposite.

Source: Peng et al., Suppressing Mislabeled Data via Grouping and Self-Attention, ECCV 2020: groups of a batch, an
attention for each member, features and labels mixed by the attentions, trained beside the unmixed samples.
Departures: the attention reads each sample's own embedding instead of the group's together, so that one image has
an uncertainty; groups are pairs, and both parts of the loss weigh the same; features are the embedding μ, for
equal trunks.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.embedding import EmbeddingMethod
from bench.method import Batch, MakeBackbone, Prediction, Progress, Step, Task


class AttentiveFeatureMixup(EmbeddingMethod):
    """L = ½ CE(fc(μ), y) + ½ Σ_k w_k CE(fc(Σ w μ), y_k), w = a / Σ a, a = sigmoid(Linear(μ)); u = 1 − a."""

    def __init__(self, task: Task, make_backbone: MakeBackbone, **trunk: Any) -> None:
        super().__init__(task, make_backbone, **trunk)
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
        """Return the mean of the unmixed and the mixed loss."""
        mean, attention_logit = self.attend(batch.images)
        partner = torch.randperm(len(mean), device=mean.device)
        logits = self.fc(mean)
        mixed = self.mixed_loss(mean, attention_logit.sigmoid(), batch.labels, partner)
        unmixed = F.cross_entropy(logits, batch.labels)
        return Step((unmixed + mixed) / 2, logits, (-attention_logit).detach().sigmoid())

    def predict(self, images: Tensor) -> Prediction:
        """Return fc(μ) and 1 − a."""
        mean, attention_logit = self.attend(images)
        return Prediction(self.fc(mean), (-attention_logit).double().sigmoid(), mean)
