"""Ablation of RUL that mixes outputs instead of features.

Source: supplement of Zhang et al., NeurIPS 2021, section G and Figure 11.
Note: with an affine fc and weights that sum to 1, mixing logits is the same as mixing features, so
`space=logits` has exactly the loss of rul. `space=probabilities` mixes the softmaxes and is a
different method.
"""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.api import Batch, MakeBackbone, Progress, RelativeMethod, Step, Task, pairs, weights


class MixOutput(RelativeMethod):
    """Outputs z = w fc(μ_i) + (1 − w) fc(μ_j), w = s_i / (s_i + s_j); uncertainty u = s.

    L = ½ NLL(z, y_i) + ½ NLL(z, y_j).

    Args:
        space: what is mixed: `logits` (as in the paper; identical to rul) or `probabilities`.
    """

    version = 1

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        space: Literal["logits", "probabilities"] = "logits",
        **relative: Any,
    ) -> None:
        super().__init__(task, make_backbone, **relative)
        self.space = space

    def mixed_log_probabilities(self, logits: Tensor, weight: Tensor) -> Tensor:
        """Return log-probabilities (B, K) of logits (2, B, K) mixed with weights (2, B)."""
        weight = weight.unsqueeze(2)
        if self.space == "logits":
            return (weight * logits).sum(dim=0).log_softmax(dim=1)
        return (weight.log() + logits.log_softmax(dim=2)).logsumexp(dim=0)

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the two-label loss of the mixed outputs."""
        mean, uncertainty = self.embed_relative(batch.images)
        logits = self.fc(mean)
        group = pairs(batch.labels, self.pairing)
        mixed = self.mixed_log_probabilities(logits[group], weights(uncertainty[group]))
        losses = [F.nll_loss(mixed, batch.labels[member]) for member in group]
        return Step(torch.stack(losses).mean(), logits, uncertainty)
