"""Deep Gamblers: a further output to abstain, for which a bet on the label's class pays o times.

Source: Liu et al., Deep Gamblers: Learning to Abstain with Portfolio Theory, NeurIPS 2019
(arXiv 1907.00208), the gambler's loss of section 4; from the published code: the warm-up by
cross-entropy of the K classes, which for o below 6.1 on CIFAR-10 takes 100 of 300 epochs.
Departures: the warm-up is that part of any training. Logits are those of the K classes, so their
softmax is the probability given that the net does not abstain; accuracy is the same.
"""

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Batch, EmbeddingMethod, MakeBackbone, Prediction, Progress, Step, Task, UsageError

PAYOFF = 2.2


class DeepGamblers(EmbeddingMethod):
    """L = −mean log(p_y + p_abstain / o) after a warm-up of CE; uncertainty u = p_abstain.

    p = softmax over K classes and abstention.

    Args:
        payoff: o, 1 < o ≤ K; the lower, the more the net abstains. Published: 2.2 on CIFAR-10,
            which None stands for, or K where that is less.
        warm_up: part of the epochs, at the start, that train by cross-entropy without abstention.
    """

    version = 1

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        payoff: Annotated[float, Field(gt=1)] | None = None,
        warm_up: Annotated[float, Field(ge=0, lt=1)] = 1 / 3,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        payoff = min(PAYOFF, task.num_classes) if payoff is None else payoff
        if payoff > task.num_classes:
            raise UsageError(f"payoff is {payoff:g}, must be at most the number of classes, {task.num_classes}")
        self.log_payoff, self.warm_up = math.log(payoff), warm_up
        self.abstention = nn.Linear(self.fc.in_features, 1)

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the gambler's loss or, in the warm-up, cross-entropy; then abstention rests."""
        mean = self.embed(batch.images)
        classes, abstention = self.fc(mean), self.abstention(mean)
        if progress.epoch <= round(self.warm_up * progress.epochs):
            loss = F.cross_entropy(classes, batch.labels)
        else:
            loss = self.gamblers_loss(classes, abstention, batch.labels)
        return Step(loss, classes, _abstained(classes.detach(), abstention.detach()))

    def gamblers_loss(self, classes: Tensor, abstention: Tensor, labels: Tensor) -> Tensor:
        """Return −mean log(p_y + p_abstain / o) of logits (B, K) and (B, 1), and labels (B,)."""
        log_p = torch.cat([classes, abstention], dim=1).log_softmax(dim=1)
        of_label = log_p.gather(1, labels[:, None]).squeeze(1)
        return -torch.logaddexp(of_label, log_p[:, -1] - self.log_payoff).mean()

    def predict(self, images: Tensor) -> Prediction:
        """Return the logits of the classes, uncertainty p_abstain, and features μ."""
        mean = self.embed(images)
        classes = self.fc(mean)
        return Prediction(classes, _abstained(classes, self.abstention(mean)), mean)


def _abstained(classes: Tensor, abstention: Tensor) -> Tensor:
    """Return p_abstain (B,) of logits (B, K) and (B, 1)."""
    return (abstention.squeeze(1) - classes.logsumexp(dim=1)).sigmoid()
