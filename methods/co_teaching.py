"""Co-teaching: two nets, each taught by the samples that the other finds easy.

Source: Han et al., Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels, NeurIPS 2018,
algorithm 1: τ is the noise rate, which a user does not know; the part of a batch that is kept falls to 1 − τ over
the first 10 of 200 epochs.
Departure: both nets are descended by one optimiser, which is as good as two of a kind.
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

GRADUAL = 10 / 200  # of the epochs


class CoTeaching(EmbeddingMethod):
    """L = mean CE₁ over the 1 − τ(t) of the batch with least CE₂, plus the same the other way round.

    τ(t) = τ min(t / T_k, 1); logits log p̄, p̄ = (p₁ + p₂)/2; u = 1 − max p̄.

    Args:
        forget_rate: τ; None takes the true part of wrong labels.
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
        super().__init__(task, make_backbone, **trunk)  # the first net; its trunk can be set as any method's
        self.second = EmbeddingMethod(task, make_backbone, **trunk)
        rate = task.noise_rate if forget_rate is None else forget_rate
        assert rate is not None  # the method names an oracle, so that it is told
        self.forget_rate = rate

    def kept(self, size: int, progress: Progress) -> int:
        """Return how many samples of a batch each net hands to the other, one at least."""
        part = min(progress.epoch / max(1.0, GRADUAL * progress.epochs), 1.0)
        return max(1, int((1 - self.forget_rate * part) * size))

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of both nets (2, B, K)."""
        return torch.stack([net.fc(net.embed(images)) for net in (self, self.second)])

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the sum of both nets' losses on what the other chose."""
        logits = self.logits(batch.images)
        losses = torch.stack([F.cross_entropy(each, batch.labels, reduction="none") for each in logits])
        chosen = losses.detach().argsort(dim=1)[:, : self.kept(len(batch.labels), progress)]  # (2, kept)
        taught = losses.gather(1, chosen.flip(0)).mean(dim=1).sum()
        mean = mean_log_probabilities(logits.detach())
        return Step(taught, mean, msp(mean))

    def predict(self, images: Tensor) -> Prediction:
        """Return log p̄ and 1 − max p̄; features of different nets have no mean."""
        mean = mean_log_probabilities(self.logits(images))
        return Prediction(mean, msp(mean))
