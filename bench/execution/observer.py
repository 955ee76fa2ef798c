"""Observers are told how a grid goes; messages bring the news from other processes and machines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.grid.cell_state import CellState
from bench.plugins.method import Progress
from bench.spec import RunSpec
from bench.training.tracker import EpochLog


@dataclass(frozen=True)
class CellReport:
    """What became of one cell."""

    title: str
    status: CellState
    detail: str = ""  # the accuracy and time of a run, or the reason why there is none
    trace: str = ""  # the traceback of an error that nobody foresaw
    notes: tuple[str, ...] = ()  # what its plugins changed of their process, one line each


class Observer:
    """Is told how a grid goes; this one does nothing with it."""

    def preparing(self, said: str) -> None:
        """Called before the first run, with a line on what takes the time until then."""

    def run_started(self, spec: RunSpec) -> None:
        """Called before a run starts."""

    def epoch(self, spec: RunSpec, progress: Progress, log: EpochLog | None = None) -> None:
        """Called after each of its epochs, with its entry of the log where that is at hand."""

    def checkpointed(self, spec: RunSpec, path: Path) -> None:
        """Called when its checkpoint was written."""

    def run_ended(self, spec: RunSpec) -> None:
        """Called when it has ended, however it did."""

    def run_stored(self, spec: RunSpec) -> None:
        """Called once a run that was run here is in the store."""

    def waiting(self, said: str) -> None:
        """Called now and then while there is nothing to do but wait, with a line on what for."""

    def cell_finished(self, report: CellReport) -> None:
        """Called when a cell is done, finished before, declined, failed or stopped."""


class Observers(Observer):
    """Passes all that it is told on to several observers, in their order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self.observers = observers

    def preparing(self, said: str) -> None:
        """Pass it on."""
        for each in self.observers:
            each.preparing(said)

    def run_started(self, spec: RunSpec) -> None:
        """Pass it on."""
        for each in self.observers:
            each.run_started(spec)

    def epoch(self, spec: RunSpec, progress: Progress, log: EpochLog | None = None) -> None:
        """Pass it on."""
        for each in self.observers:
            each.epoch(spec, progress, log)

    def checkpointed(self, spec: RunSpec, path: Path) -> None:
        """Pass it on."""
        for each in self.observers:
            each.checkpointed(spec, path)

    def run_ended(self, spec: RunSpec) -> None:
        """Pass it on."""
        for each in self.observers:
            each.run_ended(spec)

    def run_stored(self, spec: RunSpec) -> None:
        """Pass it on."""
        for each in self.observers:
            each.run_stored(spec)

    def waiting(self, said: str) -> None:
        """Pass it on."""
        for each in self.observers:
            each.waiting(said)

    def cell_finished(self, report: CellReport) -> None:
        """Pass it on."""
        for each in self.observers:
            each.cell_finished(report)


@dataclass(frozen=True)
class RunStarted:
    """Message: a run has started."""

    spec: RunSpec

    def tell(self, observer: Observer) -> None:
        """Pass it on to an observer."""
        observer.run_started(self.spec)


@dataclass(frozen=True)
class EpochDone:
    """Message: a run has done an epoch."""

    spec: RunSpec
    progress: Progress
    log: EpochLog | None

    def tell(self, observer: Observer) -> None:
        """Pass it on to an observer."""
        observer.epoch(self.spec, self.progress, self.log)


@dataclass(frozen=True)
class RunEnded:
    """Message: a run has ended."""

    spec: RunSpec

    def tell(self, observer: Observer) -> None:
        """Pass it on to an observer."""
        observer.run_ended(self.spec)


@dataclass(frozen=True)
class CheckpointSent:
    """Message: a run's checkpoint, sent by a machine that shares no files with this one."""

    spec: RunSpec
    content: bytes


Event = RunStarted | EpochDone | RunEnded
Message = Event | CheckpointSent | CellReport


class Messenger(Observer):
    """Sends a message for each event that it is told of.

    Args:
        send: called with each message.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self.send = send

    def run_started(self, spec: RunSpec) -> None:
        """Send that a run has started."""
        self.send(RunStarted(spec))

    def epoch(self, spec: RunSpec, progress: Progress, log: EpochLog | None = None) -> None:
        """Send that it has done an epoch."""
        self.send(EpochDone(spec, progress, log))

    def run_ended(self, spec: RunSpec) -> None:
        """Send that it has ended."""
        self.send(RunEnded(spec))
