"""Evidential learning: the net predicts a Dirichlet distribution over class probabilities.

Source: Sensoy, Kaplan and Kandemir, Evidential Deep Learning to Quantify Classification
Uncertainty, NeurIPS 2018: squared error (eq. 5), KL term on misleading evidence, annealed over ten
epochs (section 4).
Departures: none in the loss.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
from torch.nn import functional as F

from bench.api import Batch, EmbeddingMethod, MakeBackbone, Prediction, Progress, Step, Task, in_float64

EVIDENCE: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "softplus": F.softplus}


def squared_error(concentration: Tensor, target: Tensor) -> Tensor:
    """Return E‖y − p‖² (B,) for p ~ Dir(α), from α (B, K) and one-hot y (B, K).

    Equation 5: Σ_k (y_k − α_k/S)² + α_k (S − α_k) / (S² (S + 1)), S = Σ_k α_k.
    """
    total = concentration.sum(dim=1, keepdim=True)
    mean = concentration / total
    return ((target - mean).square() + mean * (1 - mean) / (total + 1)).sum(dim=1)


def misleading(concentration: Tensor, target: Tensor) -> Tensor:
    """Return KL(Dir(α̃) ‖ Dir(1)) (B,), α̃ = y + (1 − y) ⊙ α.

    It is large where there is evidence for classes other than y.
    """
    others = target + (1 - target) * concentration
    uniform = Dirichlet(torch.ones_like(others), validate_args=False)
    return kl_divergence(Dirichlet(others, validate_args=False), uniform)


class EvidentialLearning(EmbeddingMethod):
    """Dirichlet with α = evidence(fc(μ)) + 1, S = Σα; logits log(α/S); uncertainty u = K/S.

    L = E‖y − p‖² + min(1, t/10) · KL(Dir(α̃) ‖ Dir(1)) in epoch t.

    Args:
        evidence: function from fc(μ) to evidence ≥ 0; `relu` is the paper's.
        annealing_epochs: after which the KL term has its full weight.
    """

    version = 1
    normalised_logits = True

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        evidence: Literal["relu", "softplus"] = "relu",
        annealing_epochs: PositiveInt = 10,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.evidence, self.annealing_epochs = evidence, annealing_epochs

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return α (B, K) and μ (B, D)."""
        mean = self.embed(images)
        return EVIDENCE[self.evidence](self.fc(mean)) + 1, mean

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the squared error plus the annealed KL term."""
        concentration, _ = self(batch.images)
        target = F.one_hot(batch.labels, concentration.shape[1]).to(concentration.dtype)
        weight = min(1.0, progress.epoch / self.annealing_epochs)
        loss = squared_error(concentration, target) + weight * misleading(concentration, target)
        return Step(loss.mean(), *read(concentration.detach()))

    def predict(self, images: Tensor) -> Prediction:
        """Return log(α/S), K/S and μ."""
        concentration, mean = self(images)
        return Prediction(*read(concentration), mean)


def read(concentration: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits log(α/S) (B, K) and uncertainty K/S (B,), in float64."""
    total = in_float64(concentration).sum(dim=1, keepdim=True)
    return (concentration / total).log(), concentration.shape[1] / total.squeeze(1)
