"""Relative Uncertainty Learning: features mixed in proportion to their uncertainty.

The mixed feature must still predict the label of every sample in it, so uncertain samples learn a
larger weight.

Source: Zhang, Wang and Deng, Relative Uncertainty Learning for Facial Expression Recognition,
NeurIPS 2021; numbers of mixed features from its supplement, section I.
Departures: none in the loss; `pairing=different-label`, for two mixed features, is an addition.
"""

from itertools import combinations
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.api import (
    Batch,
    MakeBackbone,
    Progress,
    RelativeMethod,
    Step,
    Task,
    UsageError,
    pairs,
    random_groups,
    weights,
)

Mix = Literal[2, 3, 5, "C(3,2)"]


class RelativeUncertaintyLearning(RelativeMethod):
    """L = mean over members k of CE(fc(Σ w μ), y_k), w = s / Σ s, s = mean_D e^ℓ; u = s.

    Args:
        mix: number of mixed features; `C(3,2)` mixes three in pairs and averages the three losses.
    """

    version = 1

    def __init__(self, task: Task, make_backbone: MakeBackbone, *, mix: Mix = 2, **relative: Any) -> None:
        super().__init__(task, make_backbone, **relative)
        if self.pairing != "random" and mix != 2:
            raise UsageError(f"pairing={self.pairing} needs mix=2, got mix={mix}")
        self.mix = mix

    def mixing_groups(self, labels: Tensor) -> list[Tensor]:
        """Return the index groups (members, B) whose features are mixed."""
        if self.mix == 2:
            return [pairs(labels, self.pairing)]
        if self.mix == "C(3,2)":
            three = random_groups(len(labels), 3, labels.device)
            return [three[list(two)] for two in combinations(range(3), 2)]
        return [random_groups(len(labels), self.mix, labels.device)]

    def group_loss(self, mean: Tensor, uncertainty: Tensor, labels: Tensor, group: Tensor) -> Tensor:
        """Return the mean loss () of the mixed features against the labels of all members.

        Args:
            mean: μ (B, D).
            uncertainty: s (B,).
            labels: (B,).
            group: indices (members, B) of the mixed samples.
        """
        weight = weights(uncertainty[group])  # (members, B)
        logits = self.fc((weight.unsqueeze(2) * mean[group]).sum(dim=0))  # (B, K)
        return torch.stack([F.cross_entropy(logits, labels[member]) for member in group]).mean()

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the mixed-feature loss, averaged over the groups."""
        mean, uncertainty = self.embed_relative(batch.images)
        losses = [
            self.group_loss(mean, uncertainty, batch.labels, group) for group in self.mixing_groups(batch.labels)
        ]
        return Step(torch.stack(losses).mean(), self.fc(mean), uncertainty)
