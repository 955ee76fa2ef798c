"""What all executors share: the queue of cells, further tries, and cells claimed elsewhere."""

import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any

from bench.execution.cell import not_to_run, settle
from bench.execution.context import Context
from bench.execution.observer import CellReport, Observer
from bench.files.locks import Wait
from bench.grid.cell_state import BrokenCell, Cell, CellState
from bench.spec import RunSpec
from bench.store.unfinished import epochs_done, holder

PATIENCE = 1.0  # seconds between two looks at a cell that another program works on


class Pool(ABC):
    """Hands the cells of a grid to workers; a subclass knows what a worker is.

    Args:
        tries: how often a cell may die, or run out of memory, in a row without a new checkpoint.
    """

    def __init__(self, context: Context, observer: Observer, tries: int) -> None:
        self.context, self.observer, self.tries = context, observer, tries
        self.workers: dict[int, Any] = {}  # by their cell's place in the grid

    def run(self, cells: list[Cell]) -> list[CellReport]:
        """Run all cells and return what became of each, in their order."""
        self.cells, self.reports = cells, dict[int, CellReport]()
        self.queue = deque(range(len(cells)))
        self.claimed: list[tuple[float, int]] = []  # since when, and the place
        self.wait: Wait | None = None  # while there is nothing to do but wait for other programs
        self.tried, self.kept = [0] * len(cells), [0] * len(cells)
        try:
            while len(self.reports) < len(cells):
                self._fill()
                if self.workers:
                    self.wait = None
                    self.listen(PATIENCE)
                elif self.claimed:
                    self._say_waiting()
                    time.sleep(PATIENCE)
        finally:
            self.close()
        return [self.reports[place] for place in range(len(cells))]

    def _say_waiting(self) -> None:
        """Say now and then what runs of other programs the grid waits for."""
        self.wait = self.wait or Wait(self.observer.waiting)
        first: Any = self.cells[self.claimed[0][1]]
        said = f"{len(self.claimed)} runs that other programs work on; {first.title} is one, which"
        self.wait.goes_on(f"{said} {holder(self.context.store.path(first))}")

    @abstractmethod
    def size(self) -> int:
        """Return how many cells to run at a time."""

    @abstractmethod
    def start(self, place: int, spec: RunSpec) -> None:
        """Start a worker on a run, or report why there can be none."""

    @abstractmethod
    def listen(self, seconds: float) -> None:
        """Handle the messages of the workers; wait at most so many seconds for one."""

    @abstractmethod
    def close(self) -> None:
        """End all workers."""

    def reported(self, place: int, report: CellReport) -> None:
        """Handle the report of a cell; one that another program works on is tried again later."""
        if report.status == CellState.CLAIMED:
            self.claimed.append((time.monotonic(), place))
        elif report.status == CellState.STARVED:
            self.retry(place, f"it ran out of memory: {report.detail}")
        else:
            self.reports[place] = settle(self.cells[place], report, self.context, self.observer)

    def died(self, place: int, how: str) -> None:
        """Give the cell of a worker that died another try, or report it as failed."""
        spec: Any = self.cells[place]
        self.observer.run_ended(spec)
        self.retry(place, f"its process died by {how}")

    def retry(self, place: int, reason: str) -> None:
        """Queue a cell again, when less may run beside it, unless its tries got no further."""
        spec: Any = self.cells[place]
        before, self.kept[place] = self.kept[place], epochs_done(self.context.store.path(spec))[1]
        self.tried[place] = 1 + (self.tried[place] if self.kept[place] <= before else 0)
        if self.tried[place] < self.tries:
            self.queue.append(place)
        else:
            tries = f" ({self.tries} tries got no further)" if self.tries > 1 else ""
            self.reported(place, CellReport(spec.title, CellState.FAILED, reason + tries))

    def _fill(self) -> None:
        """Start workers while there is room for them and there are cells in the queue."""
        ready = [place for since, place in self.claimed if time.monotonic() - since > PATIENCE]
        self.claimed = [(since, place) for since, place in self.claimed if place not in ready]
        self.queue.extend(ready)
        while self.queue and len(self.workers) < self.size():
            place = self.queue.popleft()
            cell = self.cells[place]
            if isinstance(cell, BrokenCell):
                self.reported(place, CellReport(cell.title, CellState.FAILED, cell.reason))
            elif obstacle := not_to_run(cell, self.context):
                self.reported(place, obstacle)
            else:
                self.start(place, cell)
