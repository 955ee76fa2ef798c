"""Checkpoints: a half-trained run on disk, from which it goes on to the same end as one never interrupted."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench.errors import BenchError, one_line
from bench.files import replacing
from bench.train import EpochLog, Trainer


class OutOfTime(BenchError):  # noqa: N818 - not an error: the run goes on later
    """The time allowed is over, and the run is at a checkpoint."""


class Keeper:
    """Keeps one run's checkpoint up to date, at the ends of epochs.

    Args:
        path: the checkpoint's file.
        identity: of the run; a checkpoint of another is not used.
        interval: seconds between two checkpoints; 0 writes one after every epoch.
        deadline: by `time.time`, past which no epoch may end; None for no limit.
        written: called with the file each time that it was written.
    """

    def __init__(
        self,
        path: Path,
        identity: str,
        interval: float,
        deadline: float | None = None,
        written: Callable[[Path], None] = lambda path: None,
    ) -> None:
        self.path, self.identity, self.interval, self.deadline = path, identity, interval, deadline
        self.written = written
        self.begun = self.saved = self.epoch_begun = time.monotonic()
        self.spent_before = 0.0  # seconds of the run before it was interrupted
        self.note = ""  # what became of a checkpoint that was there

    @property
    def spent(self) -> float:
        """Seconds that the run has taken, interruptions left out."""
        return self.spent_before + time.monotonic() - self.begun

    def restore(self, trainer: Trainer) -> list[EpochLog]:
        """Put a trainer where the checkpoint is and return the log so far; both as they are if there is none."""
        if not self.path.is_file():
            return []
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            if content["identity"] != self.identity:
                raise ValueError("it is of another run")
            log, spent = content["log"], content["spent"]
            trainer.load_state_dict(content["trainer"])
        except Exception as error:  # what a torn file raises hangs on where it is torn
            raise BenchError(
                f"{self.path} cannot be used: {one_line(error)}; delete it to begin the run anew"
            ) from None
        self.spent_before = spent
        self.note = f", resumed after epoch {len(log)}"
        return log

    def epoch_done(self, trainer: Trainer, log: list[EpochLog]) -> None:
        """Write a checkpoint if one is due.

        Raises:
            OutOfTime: another epoch as long as this one would end past the deadline.
        """
        now = time.monotonic()
        over = self.deadline is not None and time.time() + (now - self.epoch_begun) > self.deadline
        over = over and len(log) < trainer.recipe.epochs
        self.epoch_begun = now
        if over or now - self.saved >= self.interval:
            content = {"identity": self.identity, "log": log, "spent": self.spent, "trainer": trainer.state_dict()}
            write(self.path, content)
            self.written(self.path)
            self.saved = now
        if over:
            raise OutOfTime(f"stopped after epoch {len(log)} of {trainer.recipe.epochs}")


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint."""
    with replacing(path) as file:
        torch.save(content, file)
