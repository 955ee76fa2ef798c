"""Passes on what a run's observer is told, from the process of the run to the one that asked for it."""

from collections.abc import Callable
from typing import Any

from bench.executors.cell import Observer
from bench.method import Progress
from bench.spec import RunSpec

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
