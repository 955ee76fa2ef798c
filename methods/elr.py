"""Early-learning regularisation: predictions stay near their running mean per sample.

The running mean of early training holds what the net learned before it memorised wrong labels.

Source: Liu et al., Early-Learning Regularization Prevents Memorization of Noisy Labels, NeurIPS
2020, section 4.
Departures: none from ELR; ELR+, which adds two nets, weight averaging and mixup, is not included.
"""

from typing import Annotated, Any

import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor
from torch.nn import functional as F

from bench.api import Batch, Classifier, MakeBackbone, Progress, Task

TINY = 1e-4  # probabilities are clamped to TINY … 1 − TINY, as in published code


class EarlyLearningRegularisation(Classifier):
    """L = CE + λ mean log(1 − ⟨t, p⟩), t ← β t + (1 − β) p per sample; u = 1 − max softmax.

    Args:
        strength: λ; published: 3 for symmetric noise on CIFAR-10, 1 for asymmetric.
        momentum: β; published: 0.7 for symmetric noise, 0.9 for asymmetric.
    """

    version = 1
    targets: Tensor  # t (N, K), of the training samples

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        strength: NonNegativeFloat = 3.0,
        momentum: Annotated[float, Field(ge=0, lt=1)] = 0.7,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.strength, self.momentum = strength, momentum
        self.register_buffer("targets", torch.zeros(task.train_size, task.num_classes))

    def criterion(self, logits: Tensor, batch: Batch, progress: Progress) -> Tensor:
        """Update the targets t, then return the regularised cross-entropy."""
        p = logits.softmax(dim=1).clamp(TINY, 1 - TINY)
        now = p.detach() / p.detach().sum(dim=1, keepdim=True)
        targets = self.momentum * self.targets[batch.index] + (1 - self.momentum) * now
        self.targets[batch.index] = targets
        agreement = (1 - (targets * p).sum(dim=1)).log().mean()
        return F.cross_entropy(logits, batch.labels) + self.strength * agreement
