"""Runs a grid in this process, cell by cell; a cell that fails costs only itself."""

import time

from bench.executors.cell import CellReport, Context, DataSets, Observer, run_cell, settle
from bench.grid import Cell

# Seconds between two looks at a cell that another process works on.
PATIENCE = 1.0


class LocalExecutor:
    """Runs cells one after the other; those that another process has claimed come last."""

    def __init__(self, context: Context, observer: Observer) -> None:
        self.context, self.observer = context, observer
        self.datasets = DataSets(context)

    def run(self, cells: list[Cell]) -> list[CellReport]:
        """Run all cells and return what became of each, in their order."""
        reports: dict[int, CellReport] = {}
        while len(reports) < len(cells):
            before = len(reports)
            for place, cell in enumerate(cells):
                if place not in reports:
                    report = run_cell(cell, self.context, self.datasets, self.observer)
                    if report.status != "claimed":
                        reports[place] = settle(cell, report, self.context, self.observer)
            if len(reports) == before:
                time.sleep(PATIENCE)
        return [reports[place] for place in range(len(cells))]
