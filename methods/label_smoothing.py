"""Label smoothing: cross-entropy against labels that give every class some probability.

Source: Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016,
section 7; under label noise, Lukasik et al., Does Label Smoothing Mitigate Label Noise?, ICML 2020.
Departures: none.
"""

from typing import Annotated, Any

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from bench.api import Batch, Classifier, MakeBackbone, Progress, Task


class LabelSmoothing(Classifier):
    """L = CE(fc(μ), (1 − ε) onehot(y) + ε/K); u = 1 − max softmax.

    Args:
        smoothing: ε.
    """

    version = 1

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.smoothing = smoothing

    def criterion(self, logits: Tensor, batch: Batch, progress: Progress) -> Tensor:
        """Return the cross-entropy against the smoothed labels."""
        return F.cross_entropy(logits, batch.labels, label_smoothing=self.smoothing)
