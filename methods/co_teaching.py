"""Co-teaching: two nets, each trained on the samples with the smallest loss in the other net.

Source: Han et al., Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy
Labels, NeurIPS 2018, algorithm 1. There τ is the noise rate, which users do not know, and the part
of a batch that is kept falls to 1 − τ over the first 10 of 200 epochs.
Departures: one optimiser updates both nets, which is equivalent to one optimiser each. T_k is
10/200 of the epochs, so in short trainings the part falls within few of them. The mean of both
nets' predictions is evaluated; the paper reports the nets one by one.
"""

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from bench.api import (
    Batch,
    EmbeddingMethod,
    MakeBackbone,
    Prediction,
    Progress,
    Step,
    Task,
    mean_log_probabilities,
    msp,
)

GRADUAL = 10 / 200  # T_k as a part of the epochs


class CoTeaching(EmbeddingMethod):
    """Two nets; mean logits log p̄, p̄ = (p₁ + p₂)/2; uncertainty u = 1 − max p̄.

    L = mean CE₁ over the part 1 − τ(t) of the batch with the smallest CE₂, plus the same with the
    nets exchanged; τ(t) = τ min(t / T_k, 1) in epoch t.

    Args:
        forget_rate: τ; None takes the true noise rate.
    """

    version = 1
    oracle = ("forget_rate",)
    normalised_logits = True

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        forget_rate: Annotated[float, Field(ge=0, lt=1)] | None = None,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)  # the first net
        self.second = EmbeddingMethod(task, make_backbone, **trunk)
        rate = task.noise_rate if forget_rate is None else forget_rate
        assert rate is not None  # always set for a method with an oracle
        self.forget_rate = rate

    def kept(self, size: int, progress: Progress) -> int:
        """Return how many samples of a batch each net selects for the other; at least 1."""
        part = min(progress.epoch / max(1.0, GRADUAL * progress.epochs), 1.0)
        return max(1, int((1 - self.forget_rate * part) * size))

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of both nets (2, B, K)."""
        return torch.stack([net.fc(net.embed(images)) for net in (self, self.second)])

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the sum of both nets' losses on the samples that the other net selected."""
        logits = self.logits(batch.images)
        losses = torch.stack([F.cross_entropy(each, batch.labels, reduction="none") for each in logits])
        chosen = losses.detach().argsort(dim=1)[:, : self.kept(len(batch.labels), progress)]  # (2, kept)
        taught = losses.gather(1, chosen.flip(0)).mean(dim=1).sum()
        mean = mean_log_probabilities(logits.detach())
        return Step(taught, mean, msp(mean))

    def predict(self, images: Tensor) -> Prediction:
        """Return log p̄ and 1 − max p̄; no features, since those of two nets cannot be averaged."""
        mean = mean_log_probabilities(self.logits(images))
        return Prediction(mean, msp(mean))
