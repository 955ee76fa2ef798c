"""Checkpoints, from which an interrupted run ends with the same bits as without interruption."""

import math
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch

from bench.errors import BenchError, one_line
from bench.training.loop import Trainer
from bench.training.sealed_files import read, write
from bench.training.tracker import EpochLog, check_log
from bench.version import __version__


class OutOfTime(BenchError):  # noqa: N818 - not an error: the run goes on later
    """The time limit is reached; the run is saved in a checkpoint and can go on later."""


class Keeper:
    """Writes checkpoints of one run at the ends of epochs, and restores them.

    Args:
        path: file of the checkpoint.
        identity: of the run; a checkpoint of another run is refused.
        interval: seconds between two checkpoints; 0 writes one after every epoch.
        deadline: in seconds as `time.time`, by which every epoch must have ended; None for no
            limit.
        restored: called after a checkpoint was restored, with the number of epochs in it.
        written: called with the path each time a checkpoint was written.
    """

    def __init__(
        self,
        path: Path,
        identity: str,
        interval: float,
        deadline: float | None = None,
        restored: Callable[[int], None] = lambda epoch: None,
        written: Callable[[Path], None] = lambda path: None,
    ) -> None:
        self.path, self.identity, self.interval, self.deadline = path, identity, interval, deadline
        self.restored, self.written = restored, written
        self.spent_before = 0.0  # seconds spent before the last interruption
        self.pace = 0.0  # seconds of the last epoch
        self.note = ""  # for messages: whether the run was resumed
        self.begin()

    def begin(self) -> None:
        """Start the clocks at the beginning of the run."""
        self.begun = self.saved = self.epoch_begun = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds spent on the run, without the time between interruptions."""
        return self.spent_before + time.monotonic() - self.begun

    def restore(self, trainer: Trainer, watched: Collection[str] = ()) -> list[EpochLog]:
        """Restore a trainer from the checkpoint and return the log so far.

        Without a checkpoint the trainer is unchanged and the log empty.

        Args:
            trainer: whose state is restored.
            watched: what the log has besides the trainer's own entries, such as `test_accuracy`.

        Raises:
            BenchError: the file is damaged, or of another run or package version.
            OutOfTime: the next epoch would end after the deadline.
        """
        log = self._resume(trainer, watched) if self.path.is_file() else []
        if self._is_over():
            raise _out_of_time(trainer, log)
        self.epoch_begun = time.monotonic()
        return log

    def _resume(self, trainer: Trainer, watched: Collection[str]) -> list[EpochLog]:
        try:
            content = read(self.path)
        except OSError as error:
            raise BenchError(f"{self.path} cannot be read: {one_line(error)}") from None
        except ValueError as error:
            raise self._unusable(error) from None
        try:
            self._check(content)
            log, spent, pace = content["log"], content["spent"], content["pace"]
            check_log(log, {*trainer.logged, *watched}, trainer.recipe.epochs)
            trainer.check_state(content["trainer"], len(log))
            trainer.load_state_dict(content["trainer"])
        except (MemoryError, torch.OutOfMemoryError):  # not the file's fault
            raise
        except Exception as error:  # content of another shape may raise any type
            raise self._unusable(error) from None
        self.spent_before, self.pace = spent, pace
        self.note = f", resumed after epoch {len(log)}"
        self.restored(len(log))
        return log

    def _check(self, content: dict[str, Any]) -> None:
        """Check whose checkpoint it is, and its times."""
        if content["identity"] != self.identity:
            raise ValueError("it belongs to another run")
        if content["version"] != __version__:
            raise ValueError(f"it was written by version {content['version']}, this is {__version__}")
        for name in ("spent", "pace"):
            seconds = content[name]
            if type(seconds) not in (int, float) or not 0 <= seconds < math.inf:
                raise ValueError(f"{name} must be seconds from 0, got {seconds!r:.80}")

    def _unusable(self, error: Exception) -> BenchError:
        said = " ".join(str(error).split()) if isinstance(error, ValueError) else one_line(error)
        return BenchError(f"{self.path} cannot be used: {said}; delete it to start the run again")

    def epoch_done(self, trainer: Trainer, log: list[EpochLog]) -> None:
        """Write a checkpoint if one is due.

        Raises:
            OutOfTime: another epoch as long as this one would end after the deadline.
        """
        now = time.monotonic()
        self.pace, self.epoch_begun = now - self.epoch_begun, now
        over = self._is_over() and len(log) < trainer.recipe.epochs
        if over or now - self.saved >= self.interval:
            content = {"identity": self.identity, "version": __version__, "log": log, "spent": self.spent}
            write(self.path, content | {"pace": self.pace, "trainer": trainer.state_dict()})
            self.written(self.path)
            self.saved = now
        if over:
            raise _out_of_time(trainer, log)

    def _is_over(self) -> bool:
        """Return whether an epoch as long as the last would end after the deadline."""
        return self.deadline is not None and time.time() + self.pace > self.deadline


def _out_of_time(trainer: Trainer, log: list[EpochLog]) -> OutOfTime:
    return OutOfTime(f"stopped after epoch {len(log)} of {trainer.recipe.epochs}" if log else "not begun")
