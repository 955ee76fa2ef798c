"""What executors that run several cells at a time share: who waits, who gets another try, and who is done."""

import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any

from bench.executors.cell import CellReport, Context, DataSets, Observer, run_cell, settle
from bench.executors.local import PATIENCE
from bench.grid import BrokenCell, Cell
from bench.spec import RunSpec


class Pool(ABC):
    """Hands the cells of a grid to workers; a subclass knows what a worker is.

    Args:
        tries: of a cell whose worker dies.
    """

    def __init__(self, context: Context, observer: Observer, tries: int) -> None:
        self.context, self.observer, self.tries = context, observer, tries
        self.workers: dict[int, Any] = {}  # by the place in the grid of the cell that each is at work on

    def run(self, cells: list[Cell]) -> list[CellReport]:
        """Run all cells and return what became of each, in their order."""
        self.cells, self.reports = cells, dict[int, CellReport]()
        self.queue = deque(range(len(cells)))
        self.claimed: list[tuple[float, int]] = []  # since when, and the place
        self.tried = [0] * len(cells)
        try:
            while len(self.reports) < len(cells):
                self._fill()
                if self.workers:
                    self.listen(PATIENCE)
                elif self.claimed:
                    time.sleep(PATIENCE)
        finally:
            self.close()
        return [self.reports[place] for place in range(len(cells))]

    @abstractmethod
    def size(self) -> int:
        """Return how many cells to run at a time."""

    @abstractmethod
    def start(self, place: int, spec: RunSpec) -> None:
        """Put a worker to a run, or report what keeps one from it."""

    @abstractmethod
    def listen(self, seconds: float) -> None:
        """Take in what the workers say, waiting so long at most."""

    @abstractmethod
    def close(self) -> None:
        """End the workers that there are."""

    def reported(self, place: int, report: CellReport) -> None:
        """Take in what became of a cell; one that another program works on is tried again later."""
        if report.status == "claimed":
            self.claimed.append((time.monotonic(), place))
        else:
            self.reports[place] = settle(self.cells[place], report, self.context, self.observer)

    def died(self, place: int, how: str) -> None:
        """Give the cell of a worker that died another try, or up."""
        spec: Any = self.cells[place]
        self.observer.run_ended(spec)
        self.tried[place] += 1
        if self.tried[place] < self.tries:
            self.queue.appendleft(place)
        else:
            reason = f"its process died {self.tries} times, the last time by {how}"
            self.reported(place, CellReport(spec.title, "failed", reason))

    def _fill(self) -> None:
        """Put workers to cells while there are cells that want one."""
        ready = [place for since, place in self.claimed if time.monotonic() - since > PATIENCE]
        self.claimed = [(since, place) for since, place in self.claimed if place not in ready]
        self.queue.extend(ready)
        while self.queue and len(self.workers) < self.size():
            place = self.queue.popleft()
            cell = self.cells[place]
            if isinstance(cell, BrokenCell) or self.context.is_finished(cell) or self.context.is_over():
                self.reported(place, run_cell(cell, self.context, DataSets(self.context), self.observer))
            else:
                self.start(place, cell)
