"""Mixup: training on mixed pairs of images with the labels of both.

Source: Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018, section 2. As in the
published code, a batch has one λ and is mixed with a permutation of itself.
Departures: none.
"""

from typing import Any

import torch
from pydantic import PositiveFloat
from torch.distributions import Beta
from torch.nn import functional as F

from bench.api import Batch, Classifier, MakeBackbone, Progress, Step, Task


class Mixup(Classifier):
    """Training on images x̃ = λ x_i + (1 − λ) x_j; uncertainty u = 1 − max softmax.

    L = λ CE(fc(μ(x̃)), y_i) + (1 − λ) CE(fc(μ(x̃)), y_j).

    Args:
        alpha: α of Beta(α, α), from which λ is drawn; published: 1 for CIFAR-10.
    """

    version = 1

    def __init__(
        self, task: Task, make_backbone: MakeBackbone, *, alpha: PositiveFloat = 1.0, **trunk: Any
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.ratios = Beta(alpha, alpha)

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the loss of the mixed batch; no logits, since relabelling needs unmixed images."""
        ratio = self.ratios.sample().item()
        order = torch.randperm(len(batch.images), device=batch.images.device)
        mixed = ratio * batch.images + (1 - ratio) * batch.images[order]
        logits = self.fc(self.embed(mixed))
        of_first, of_second = (F.cross_entropy(logits, labels) for labels in (batch.labels, batch.labels[order]))
        return Step(ratio * of_first + (1 - ratio) * of_second)
