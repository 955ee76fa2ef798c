"""Generalised cross-entropy: between cross-entropy and the noise-robust mean absolute error.

Source: Zhang and Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with
Noisy Labels, NeurIPS 2018, section 3.2; truncated form, section 3.3.
Departures: the published truncation determines the dropped samples every ten epochs with the net of
the best epoch; here each batch does so with the current net.
"""

import math
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor

from bench.api import Batch, Classifier, MakeBackbone, Progress, Task, log_likelihood

PLAIN = 1 / 3  # part of the epochs before truncation; published: 40 of 120


class GeneralisedCrossEntropy(Classifier):
    """L = (1 − p_y^q)/q, in the truncated form constant where p_y ≤ k; u = 1 − max softmax.

    Args:
        q: in (0, 1]; near 0 it is cross-entropy, at 1 the mean absolute error.
        truncation: k, the probability below which labels are ignored after a third of the epochs
            (published: 0.5); None never ignores a label.
    """

    version = 1

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        q: Annotated[float, Field(gt=0, le=1)] = 0.7,
        truncation: Annotated[float, Field(gt=0, lt=1)] | None = None,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.q, self.truncation = q, truncation

    def criterion(self, logits: Tensor, batch: Batch, progress: Progress) -> Tensor:
        """Return the mean of (1 − p_y^q)/q."""
        log_p = log_likelihood(logits, batch)
        if self.truncation is not None and progress.epoch > PLAIN * progress.epochs:
            log_p = log_p.clamp(min=math.log(self.truncation))
        return -(self.q * log_p).expm1().mean() / self.q
