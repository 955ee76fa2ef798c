"""Symmetric cross-entropy: cross-entropy plus reverse cross-entropy.

Source: Wang et al., Symmetric Cross Entropy for Robust Learning with Noisy Labels, ICCV 2019,
section 4.
Departures: α is that of CIFAR-10 on every data set; the published code has 0.01 for MNIST (`--set
sce.alpha=0.01`). log 0 := A = −4 ln 10 = log 10⁻⁴, as in published code.
"""

import math
from typing import Any

from pydantic import NonNegativeFloat
from torch import Tensor
from torch.nn import functional as F

from bench.api import Batch, Classifier, MakeBackbone, Progress, Task, log_likelihood

LOG_ZERO = -4 * math.log(10)


class SymmetricCrossEntropy(Classifier):
    """L = α CE + β RCE, RCE = −Σ_k p_k log onehot(y)_k = −A (1 − p_y); u = 1 − max softmax.

    Args:
        alpha: α; published: 0.1 for CIFAR-10.
        beta: β.
    """

    version = 1

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        alpha: NonNegativeFloat = 0.1,
        beta: NonNegativeFloat = 1.0,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.alpha, self.beta = alpha, beta

    def criterion(self, logits: Tensor, batch: Batch, progress: Progress) -> Tensor:
        """Return α times the cross-entropy plus β times the reverse one."""
        reverse = LOG_ZERO * log_likelihood(logits, batch).expm1().mean()
        return self.alpha * F.cross_entropy(logits, batch.labels) + self.beta * reverse
