"""Runs a grid in this process, cell by cell; a cell that fails costs only itself."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.data import DataSet, load, to_device
from bench.errors import BenchError, DataError, Declined, one_line
from bench.grid import BrokenCell, Cell
from bench.method import Progress
from bench.registry import Registry
from bench.runner import execute
from bench.spec import RunSpec
from bench.store import Store
from bench.train import EpochLog


@dataclass(frozen=True)
class CellReport:
    """What became of one cell."""

    title: str
    status: Literal["done", "stored", "declined", "failed"]  # stored: finished before
    detail: str = ""  # the accuracy and time of a run, or the reason


class Observer:
    """Who is told how the grid goes; this one says nothing."""

    def run_started(self, spec: RunSpec) -> None:
        """Called before a run starts."""

    def epoch(self, progress: Progress, log: EpochLog) -> None:
        """Called after each of its epochs."""

    def cell_finished(self, report: CellReport) -> None:
        """Called when a cell is done, stored before, declined or failed."""


@dataclass(frozen=True)
class Context:
    """Where things are; none of it changes an outcome."""

    registry: Registry
    store: Store
    data_root: Path
    download: bool = False
    force: bool = False

    def is_finished(self, spec: RunSpec) -> bool:
        """Return whether a run need not be run."""
        return not self.force and self.store.has(spec)


class DataSets:
    """The data sets of a grid, each loaded at its first use; one that cannot be loaded is not tried again."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.loaded: dict[str, DataSet | DataError] = {}

    def get(self, spec: RunSpec) -> DataSet:
        """Return a run's data set on the run's device.

        Raises:
            DataError: its files are missing or damaged.
        """
        key = spec.dataset.model_dump_json()
        if key not in self.loaded:
            try:
                data = load(spec.dataset, self.context.registry, self.context.data_root, self.context.download)
                self.loaded[key] = to_device(data, spec.device)
            except DataError as error:
                self.loaded[key] = error
        found = self.loaded[key]
        if isinstance(found, DataError):
            raise found
        return found


class LocalExecutor:
    """Runs cells one after the other."""

    def __init__(self, context: Context, observer: Observer) -> None:
        self.context, self.observer = context, observer
        self.datasets = DataSets(context)

    def run(self, cells: list[Cell]) -> list[CellReport]:
        """Run all cells and return what became of each, in their order."""
        reports = []
        for cell in cells:
            report = self._cell(cell)
            self.observer.cell_finished(report)
            reports.append(report)
        return reports

    def _cell(self, cell: Cell) -> CellReport:
        if isinstance(cell, BrokenCell):
            return CellReport(cell.title, "failed", cell.reason)
        try:
            if self.context.is_finished(cell):
                self.context.store.check(cell)
                return CellReport(cell.title, "stored")
            return CellReport(cell.title, "done", self._run(cell))
        except Declined as error:
            return CellReport(cell.title, "declined", one_line(error))
        except BenchError as error:
            return CellReport(cell.title, "failed", one_line(error))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin that exits must not end the grid
            return CellReport(cell.title, "failed", one_line(error) + self._keep_trace(cell))

    def _keep_trace(self, spec: RunSpec) -> str:
        try:
            return f" (traceback in {self.context.store.save_failure(spec, traceback.format_exc())})"
        except OSError:
            return ""

    def _run(self, spec: RunSpec) -> str:
        self.observer.run_started(spec)
        data = self.datasets.get(spec)
        cls = self.context.registry.find("methods", spec.method.name).load()
        outcome = execute(spec, data, cls, self.observer.epoch)
        self.context.store.save(outcome)
        return f"{100 * outcome.record['metrics']['accuracy']:.2f} % in {outcome.record['cost']['seconds']:.1f} s"
