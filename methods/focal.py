"""Focal loss: cross-entropy with less weight on samples that are classified well.

Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, eq. 4; for K classes as in
Mukhoti et al., Calibrating Deep Neural Networks using Focal Loss, NeurIPS 2020.
Departures: none; the class weights α of detection are left out, as in the second paper.
"""

from typing import Any

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from bench.api import Batch, Classifier, MakeBackbone, Progress, Task, log_likelihood


class Focal(Classifier):
    """L = −(1 − p_y)^γ log p_y; u = 1 − max softmax.

    Args:
        gamma: γ; 0 gives cross-entropy.
    """

    version = 1

    def __init__(
        self, task: Task, make_backbone: MakeBackbone, *, gamma: NonNegativeFloat = 2.0, **trunk: Any
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.gamma = gamma

    def criterion(self, logits: Tensor, batch: Batch, progress: Progress) -> Tensor:
        """Return the mean focal loss."""
        log_p = log_likelihood(logits, batch)
        rest = (-log_p.expm1()).clamp(
            min=torch.finfo(log_p.dtype).tiny
        )  # 1 − p_y > 0, as powers of 0 have no gradient
        return -(rest**self.gamma * log_p).mean()
