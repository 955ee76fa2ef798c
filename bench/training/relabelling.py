"""Relabelling, identical for all methods (supplement, section B; SCN, eq. 5).

Three label vectors are kept apart: true (for metrics, never passed to a method), given (noisy,
never changed) and current (used in training, changed by relabelling only).
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bench.plugins.method import Step
from bench.recipe import Relabel


@dataclass(frozen=True)
class TrainingLabels:
    """The three label vectors of a training set, each (N,) long, on the device."""

    true: Int[Tensor, " n"]
    given: Int[Tensor, " n"]
    current: Int[Tensor, " n"]

    @classmethod
    def start(cls, true: Int[Tensor, " n"], given: Int[Tensor, " n"]) -> "TrainingLabels":
        """Return the labels at the start of training; current is a copy of given."""
        return cls(true, given, given.clone())

    @property
    def vectors(self) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"], Int[Tensor, " n"]]:
        """The true, given and current labels."""
        return self.true, self.given, self.current

    @property
    def flipped(self) -> Bool[Tensor, " n"]:
        """Mask of the samples whose given label is wrong."""
        return self.true != self.given


class Audit(NamedTuple):
    """Counts of relabelling in one epoch; a sample relabelled twice counts twice."""

    relabelled: int  # number of changed current labels
    corrected: int  # changed to the true label
    broken: int  # changed away from the true label
    remaining_noise: float  # part of the current labels that is wrong after the epoch


def candidates(uncertainty: Float[Tensor, " batch"], fraction: float) -> Bool[Tensor, " batch"]:
    """Return a mask of the int(fraction · B) most uncertain samples of a batch."""
    mask = torch.zeros_like(uncertainty, dtype=torch.bool)
    mask[uncertainty.topk(int(fraction * len(uncertainty))).indices] = True
    return mask


def corrected(
    labels: Int[Tensor, " batch"], probabilities: Float[Tensor, "batch classes"], margin: float
) -> Int[Tensor, " batch"]:
    """Return argmax p where max p − p[label] > margin, else the label (SCN, eq. 5)."""
    own = probabilities.gather(1, labels[:, None]).squeeze(1)
    highest, predicted = probabilities.max(dim=1)
    return torch.where(highest - own > margin, predicted, labels)


class Relabeller:
    """Relabels batch by batch; counts are kept on the device, so that no step waits for it."""

    def __init__(self, labels: TrainingLabels, settings: Relabel) -> None:
        self.labels = labels
        self.settings = settings
        self.counts = torch.zeros(3, dtype=torch.long, device=labels.current.device)

    def step(self, index: Int[Tensor, " batch"], step: Step) -> None:
        """Relabel a batch by its unmixed train-mode outputs.

        The new labels are used from the next epoch on.

        Args:
            index: places (B,) of the batch in the training set.
            step: outputs of the method's `loss`.
        """
        assert step.logits is not None
        assert step.uncertainty is not None  # checked by `check_step`
        before, true = self.labels.current[index], self.labels.true[index]
        compared = before if self.settings.compare == "current" else self.labels.given[index]
        probabilities = step.logits.detach().float().softmax(dim=1)
        candidate = candidates(step.uncertainty.detach(), self.settings.fraction)
        after = torch.where(candidate, corrected(compared, probabilities, self.settings.margin), before)
        changed = after != before
        self.counts += torch.stack(
            [changed.sum(), (changed & (after == true)).sum(), (changed & (before == true)).sum()]
        )
        self.labels.current[index] = after

    def audit(self) -> Audit:
        """Return the counts since the last call, and reset them."""
        relabelled, corrected, broken = self.counts.tolist()
        self.counts.zero_()
        noise = (self.labels.current != self.labels.true).float().mean().item()
        return Audit(relabelled, corrected, broken, noise)
