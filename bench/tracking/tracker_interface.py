"""The interface of trackers."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

Setting = str | int | float | bool | None


class TrackedRun(NamedTuple):
    """A run as trackers show it."""

    identity: str
    title: str
    place: str  # its folder below that of all runs, with slashes
    settings: dict[str, Setting]  # by dotted names
    told: int  # epochs that were logged before, by a process that was interrupted


class Tracker(ABC):
    """Logs runs, of which several may be open at a time; it may raise whatever its library raises.

    Args:
        folder: for its files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def begin(self, run: TrackedRun) -> None:
        """Open a run; one that an interrupted process has begun goes on."""

    @abstractmethod
    def epoch(self, run: TrackedRun, epoch: int, values: dict[str, float]) -> None:
        """Log the values of an epoch, counted from 1."""

    @abstractmethod
    def end(self, run: TrackedRun, metrics: dict[str, float], pictures: list[Path]) -> None:
        """Log the metrics and pictures (PNG) of a finished run, and close it."""

    @abstractmethod
    def close(self) -> None:
        """Close the runs that have not ended; they may go on in another process."""
