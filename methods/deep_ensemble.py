"""Deep ensemble: the mean prediction of independently initialised nets.

Source: Lakshminarayanan, Pritzel and Blundell, Simple and Scalable Predictive Uncertainty
Estimation using Deep Ensembles, NeurIPS 2017, section 2.4: members that differ in initialisation,
probabilities averaged uniformly.
Departures: the members train side by side on the same batches, instead of each in an order of its
own. The paper's adversarial training is left out. With a pretrained backbone the members differ
only in their heads and dropout masks.
"""

from collections.abc import Iterable
from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from bench.api import (
    Batch,
    MakeBackbone,
    Method,
    MethodFactory,
    Prediction,
    Progress,
    Spread,
    Step,
    Task,
    UsageError,
    defines_hook,
    mean_log_probabilities,
    spread,
)


class DeepEnsemble(Method):
    """M members without shared weights; logits log p̄, p̄ = mean_m p_m; L = Σ_m L_m.

    u = H(p̄), or the mutual information H(p̄) − mean_m H(p_m).

    Args:
        inner: the method of each member.
        members: M.
        score: `entropy` (of the mean), or `mutual-information` (the disagreement of the members).
    """

    version = 1
    normalised_logits = True

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        inner: MethodFactory = MethodFactory("baseline"),
        members: PositiveInt = 5,
        score: Spread = "entropy",
    ) -> None:
        super().__init__(task, make_backbone)
        made = [inner(task, make_backbone) for _ in range(members)]
        self.members: Any = nn.ModuleList(made)
        for hook in ("backward", "make_optimizer"):  # the members share both
            if defines_hook(made[0], hook):
                raise UsageError(f"its inner method has a {hook} of its own: choose another inner")
        self.two_views = made[0].two_views
        self.score = score

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the sum of the members' losses, with log p̄ and its uncertainty.

        Logits and uncertainty are None if a member's step has no logits.
        """
        steps = [member.loss(batch, progress) for member in self.members]
        loss = torch.stack([step.loss for step in steps]).sum()
        logits = [step.logits.detach() for step in steps if step.logits is not None]
        return Step(loss, *self.averaged(logits)) if len(logits) == len(steps) else Step(loss)

    def averaged(self, logits: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return log p̄ (B, K) of the members' logits (B, K), and the uncertainty (B,)."""
        stacked = torch.stack(logits)
        return mean_log_probabilities(stacked), spread(stacked, self.score)

    def predict(self, images: Tensor) -> Prediction:
        """Return log p̄ and the uncertainty.

        There are no features, since those of different nets cannot be averaged.
        """
        return Prediction(*self.averaged([member.predict(images).logits for member in self.members]))

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """Return the members' parameter groups."""
        return [group for member in self.members for group in member.param_groups(lr)]

    def before_epoch(self, clean: Iterable[Batch], progress: Progress) -> None:
        """Call `before_epoch` of each member."""
        for member in self.members:
            member.before_epoch(clean, progress)

    def after_step(self, progress: Progress, step: int) -> None:
        """Call `after_step` of each member."""
        for member in self.members:
            member.after_step(progress, step)

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Call `finish` of each member."""
        for member in self.members:
            member.finish(train, held_out)
