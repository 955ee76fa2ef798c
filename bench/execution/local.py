"""Runs a grid in this process, cell by cell, where a debugger reaches."""

from bench.execution.cell import run_cell
from bench.execution.context import Context, DataSets
from bench.execution.observer import Observer
from bench.execution.queue_and_retries import Pool
from bench.spec import RunSpec


class LocalExecutor(Pool):
    """Runs cells one after the other; those that another program has claimed come last."""

    def __init__(self, context: Context, observer: Observer) -> None:
        super().__init__(context, observer, tries=1)
        self.datasets = DataSets(context)

    def size(self) -> int:
        """Return 1."""
        return 1

    def start(self, place: int, spec: RunSpec) -> None:
        """Run a cell to its end."""
        self.reported(place, run_cell(spec, self.context, self.datasets, self.observer))

    def listen(self, seconds: float) -> None:
        """Do nothing: no worker is left when `start` returns."""

    def close(self) -> None:
        """Do nothing."""
