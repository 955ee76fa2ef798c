"""Self-adaptive training: labels are moved towards the net's own predictions, sample by sample.

Source: Huang, Zhang and Zhang, Self-Adaptive Training: beyond Empirical Risk Minimization, NeurIPS
2020 (arXiv 2002.10319), algorithm 1, with α 0.9 and E_s 60 of 200 epochs on CIFAR-10 as in the
published script; its section on selective classification for abstention (α 0.99, E_s 0 there).
Departures: E_s is that part of any training. In the abstaining variant, as in published code, the
moving mean is of the softmax over the K classes, and logits are those of the K classes.
"""

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Batch, EmbeddingMethod, MakeBackbone, Prediction, Progress, Step, Task, msp


class SelfAdaptiveTraining(EmbeddingMethod):
    """L = Σ w CE(p, t) / Σ w, w = max t, t ← α t + (1 − α) p per sample, t at first the label.

    u = 1 − max softmax. With `variant=abstain` the net has a further output c, and
    L = −mean(t_y log p_y + (1 − t_y) log p_c), u = p_c. Before E_s both train by cross-entropy.

    Args:
        momentum: α.
        start: E_s as a part of the epochs.
        variant: `weighted`, or `abstain` for selective classification.
    """

    version = 1
    targets: Tensor  # t (N, K), of the training samples; zeros for a sample not yet met

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
        start: Annotated[float, Field(ge=0, lt=1)] = 0.3,
        variant: Literal["weighted", "abstain"] = "weighted",
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.momentum, self.start = momentum, start
        self.abstention = nn.Linear(self.fc.in_features, 1) if variant == "abstain" else None
        self.register_buffer("targets", torch.zeros(task.train_size, task.num_classes))

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the loss against the moved labels or, before E_s, cross-entropy."""
        mean = self.embed(batch.images)
        logits = self.fc(mean)
        if progress.epoch <= round(self.start * progress.epochs):
            loss = F.cross_entropy(logits, batch.labels)
        elif self.abstention is None:
            loss = self.weighted(logits, self.moved(logits, batch))
        else:
            loss = self.selective(logits, self.abstention(mean), self.moved(logits, batch), batch.labels)
        return Step(loss, logits.detach(), self.uncertainty(logits.detach(), mean.detach()))

    @torch.no_grad()
    def moved(self, logits: Tensor, batch: Batch) -> Tensor:
        """Move the batch's targets towards softmax of the logits (B, K), and return them (B, K)."""
        former = self.targets[batch.index]
        label = F.one_hot(batch.labels, former.shape[1]).to(former)
        former = torch.where(former.sum(dim=1, keepdim=True) > 0, former, label)
        after = self.momentum * former + (1 - self.momentum) * logits.softmax(dim=1)
        self.targets[batch.index] = after.to(former)
        return after

    @staticmethod
    def weighted(logits: Tensor, targets: Tensor) -> Tensor:
        """Return Σ w CE(p, t) / Σ w, w = max t, of logits and targets (B, K)."""
        losses = -(targets * logits.log_softmax(dim=1)).sum(dim=1)
        weights = targets.amax(dim=1)
        return (weights * losses).sum() / weights.sum()

    @staticmethod
    def selective(logits: Tensor, abstention: Tensor, targets: Tensor, labels: Tensor) -> Tensor:
        """Return −mean(t_y log p_y + (1 − t_y) log p_c) of logits (B, K) and (B, 1)."""
        log_p = torch.cat([logits, abstention], dim=1).log_softmax(dim=1)
        trust = targets.gather(1, labels[:, None]).squeeze(1)
        of_label = log_p.gather(1, labels[:, None]).squeeze(1)
        return -(trust * of_label + (1 - trust) * log_p[:, -1]).mean()

    def uncertainty(self, logits: Tensor, mean: Tensor) -> Tensor:
        """Return 1 − max softmax, or p_c, (B,) of logits (B, K) and embedding (B, D)."""
        if self.abstention is None:
            return msp(logits)
        return (self.abstention(mean).squeeze(1) - logits.logsumexp(dim=1)).sigmoid().detach()

    def predict(self, images: Tensor) -> Prediction:
        """Return logits fc(μ), the uncertainty, and features μ."""
        mean = self.embed(images)
        logits = self.fc(mean)
        return Prediction(logits, self.uncertainty(logits, mean), mean)
