"""Log of an epoch, collected from its training steps."""

import math
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from bench.errors import PluginError
from bench.plugins.method import Step
from bench.training.relabelling import TrainingLabels

EpochLog = dict[str, Any]
GROUPS = ("clean", "flipped")  # training samples by whether their given label is right
LOGGED = (  # the keys of `Tracker.read`
    "loss",
    *(f"train_{mean}_{group}" for group in GROUPS for mean in ("accuracy", "uncertainty")),
    "train_memorised_flipped",
)


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
        self.undefined = torch.zeros((), dtype=torch.long, device=device)  # uncertainties that are NaN

    def step(self, index: Int[Tensor, " batch"], step: Step) -> None:
        """Add the outputs of one step, of the samples at `index` (B,)."""
        self.loss += step.loss.detach() * len(index)
        self.samples += len(index)
        if step.logits is not None:
            self.predicted[index] = step.logits.detach().argmax(dim=1)
        if step.uncertainty is not None:
            self.uncertainty[index] = step.uncertainty.detach().float()
            self.undefined += step.uncertainty.detach().isnan().sum()

    def read(self) -> EpochLog:
        """Return the epoch's log.

        It holds the mean loss, accuracy and mean uncertainty of clean and flipped samples, and the
        part of the flipped samples that is predicted as its wrong label.

        Raises:
            PluginError: an uncertainty was NaN.
        """
        if undefined := int(self.undefined):
            raise PluginError(f"loss returned NaN as the uncertainty of {undefined} of {self.samples} samples")
        flipped = self.labels.flipped
        entry: EpochLog = {"loss": self.loss.item() / self.samples}
        for name, group in zip(GROUPS, (~flipped, flipped), strict=True):
            seen = group & (self.predicted >= 0)
            entry[f"train_accuracy_{name}"] = _mean(self.predicted[seen] == self.labels.true[seen])
            entry[f"train_uncertainty_{name}"] = _mean(self.uncertainty[group & ~self.uncertainty.isnan()])
        memorised = flipped & (self.predicted >= 0)
        entry["train_memorised_flipped"] = _mean(self.predicted[memorised] == self.labels.given[memorised])
        return entry


def _mean(values: Tensor) -> float | None:
    return values.float().mean().item() if len(values) else None


def check_log(log: Any, keys: set[str], epochs: int) -> None:
    """Check that a log is of the first epochs of a run, in order, with all that a run notes.

    Args:
        log: as it was read.
        keys: of each entry.
        epochs: of the run.

    Raises:
        ValueError: it is of more epochs than the run has, lacks or repeats one, or has other
            entries than the run's.
    """
    if not (isinstance(log, list) and all(isinstance(entry, dict) for entry in log)):
        raise ValueError("its log is no list of epochs")
    if not 1 <= len(log) <= epochs:
        raise ValueError(f"its log is of {len(log)} epochs, the run has {epochs}")
    for number, entry in enumerate(log, 1):
        if entry.keys() != keys:
            odd = ", ".join(sorted(map(str, entry.keys() ^ keys)))
            raise ValueError(f"its log of epoch {number} has other entries than the run's: {odd:.80}")
        if type(entry["epoch"]) is not int or entry["epoch"] != number:
            raise ValueError(f"its log has epoch {entry['epoch']!r:.80} where {number} should be")
        for key, value in entry.items():
            _check_entry(number, key, value)


def _check_entry(number: int, key: str, value: Any) -> None:
    # Of the training set a mean may be of no sample, and an uncertainty infinite for a while.
    if key.startswith("train_") and (value is None or type(value) is float):
        return
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"its log of epoch {number} has {key} = {value!r:.80}, which must be a finite number")
