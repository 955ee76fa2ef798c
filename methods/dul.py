"""Data Uncertainty Learning: each image is embedded as a Gaussian that is sampled in training.

Source: Chang et al., Data Uncertainty Learning in Face Recognition, CVPR 2020, the classification
variant (section 3): reparameterised sampling, KL regularisation towards N(0, I), harmonic-mean
score.
Departures: the KL term is summed over the embedding by default; the two published codes differ in
this factor D (`kl_reduction`).
"""

from typing import Any, Literal

import torch
from pydantic import NonNegativeFloat
from torch import Tensor
from torch.nn import functional as F

from bench.api import Batch, GaussianMethod, MakeBackbone, Prediction, Progress, Step, Task


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the KL divergence of N(μ, diag e^ℓ) from N(0, I) per dimension (B, D)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


class DataUncertaintyLearning(GaussianMethod):
    """Gaussian embeddings N(μ, σ²), σ² = e^ℓ; uncertainty u = a mean of σ² over D.

    L = CE(fc(μ + ε e^(ℓ/2)), y) + λ · mean_B KL(N(μ, e^ℓ) ‖ N(0, I)), ε ~ N(0, I).

    Args:
        kl_weight: λ.
        kl_reduction: over the embedding: `sum` is the divergence, `mean` is D times smaller.
        score: which mean of σ² is the uncertainty; `harmonic` is the DUL authors' choice.
    """

    version = 1

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        kl_weight: NonNegativeFloat = 0.01,
        kl_reduction: Literal["sum", "mean"] = "sum",
        score: Literal["harmonic", "arithmetic"] = "harmonic",
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.kl_weight, self.kl_reduction, self.score = kl_weight, kl_reduction, score

    def uncertainty(self, log_variance: Tensor) -> Tensor:
        """Return the harmonic or arithmetic mean of σ² over the embedding (B,)."""
        if self.score == "harmonic":
            return 1 / (-log_variance).exp().mean(dim=1)
        return log_variance.exp().mean(dim=1)

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the cross-entropy of the sampled embedding plus the weighted KL term."""
        mean, log_variance = self.gaussian(batch.images)
        sample = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        kl = kl_to_standard_normal(mean, log_variance)
        kl = kl.sum(dim=1) if self.kl_reduction == "sum" else kl.mean(dim=1)
        loss = F.cross_entropy(self.fc(sample), batch.labels) + self.kl_weight * kl.mean()
        return Step(loss, self.fc(mean), self.uncertainty(log_variance))

    def predict(self, images: Tensor) -> Prediction:
        """Return logits fc(μ), the mean of σ², and features μ."""
        mean, log_variance = self.gaussian(images)
        return Prediction(self.fc(mean), self.uncertainty(log_variance), mean)
