"""Log of an epoch, collected from its training steps."""

from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from bench.plugins.method import Step
from bench.training.relabelling import TrainingLabels

EpochLog = dict[str, Any]


class Tracker:
    """Training outputs of one epoch, collected on the device without a second pass.

    Args:
        labels: of the training set.
    """

    def __init__(self, labels: TrainingLabels) -> None:
        size, device = len(labels.true), labels.true.device
        self.labels = labels
        self.loss = torch.zeros((), device=device)
        self.samples = 0
        self.predicted = torch.full((size,), -1, device=device)
        self.uncertainty = torch.full((size,), torch.nan, device=device)

    def step(self, index: Int[Tensor, " batch"], step: Step) -> None:
        """Add the outputs of one step, of the samples at `index` (B,)."""
        self.loss += step.loss.detach() * len(index)
        self.samples += len(index)
        if step.logits is not None:
            self.predicted[index] = step.logits.detach().argmax(dim=1)
        if step.uncertainty is not None:
            self.uncertainty[index] = step.uncertainty.detach().float()

    def read(self) -> EpochLog:
        """Return the epoch's log.

        It holds the mean loss, accuracy and mean uncertainty of clean and flipped samples, and the
        part of the flipped samples that is predicted as its wrong label.
        """
        flipped = self.labels.flipped
        entry: EpochLog = {"loss": self.loss.item() / self.samples}
        for name, group in (("clean", ~flipped), ("flipped", flipped)):
            seen = group & (self.predicted >= 0)
            entry[f"train_accuracy_{name}"] = _mean(self.predicted[seen] == self.labels.true[seen])
            entry[f"train_uncertainty_{name}"] = _mean(self.uncertainty[group & ~self.uncertainty.isnan()])
        memorised = flipped & (self.predicted >= 0)
        entry["train_memorised_flipped"] = _mean(self.predicted[memorised] == self.labels.given[memorised])
        return entry


def _mean(values: Tensor) -> float | None:
    return values.float().mean().item() if len(values) else None
