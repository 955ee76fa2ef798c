"""What is told of a grid while it runs, and to whom."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.plugins.method import Progress
from bench.spec import RunSpec


@dataclass(frozen=True)
class CellReport:
    """What became of one cell.

    `stored`: finished before. `stopped`: out of time, at a checkpoint or not begun. `claimed`: by another process.
    `starved`: out of memory, which another try, when less runs beside it, may have enough of.
    """

    title: str
    status: Literal["done", "stored", "declined", "failed", "stopped", "claimed", "starved"]
    detail: str = ""  # the accuracy and time of a run, or the reason
    trace: str = ""  # of an error that nobody foresaw


class Observer:
    """Who is told how the grid goes; this one says nothing."""

    def run_started(self, spec: RunSpec) -> None:
        """Called before a run starts."""

    def epoch(self, spec: RunSpec, progress: Progress) -> None:
        """Called after each of its epochs."""

    def checkpointed(self, spec: RunSpec, path: Path) -> None:
        """Called when its checkpoint was written."""

    def run_ended(self, spec: RunSpec) -> None:
        """Called when it has ended, however it did."""

    def cell_finished(self, report: CellReport) -> None:
        """Called when a cell is done, stored before, declined, failed or stopped."""


Message = tuple[str, tuple[Any, ...]]  # the name of a method of `Observer`, and its arguments


class Messenger(Observer):
    """Sends a message for each event.

    Args:
        send: takes one.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self.send = send

    def run_started(self, spec: RunSpec) -> None:
        """Pass it on."""
        self.send(("run_started", (spec,)))

    def epoch(self, spec: RunSpec, progress: Progress) -> None:
        """Pass it on."""
        self.send(("epoch", (spec, progress)))

    def run_ended(self, spec: RunSpec) -> None:
        """Pass it on."""
        self.send(("run_ended", (spec,)))
