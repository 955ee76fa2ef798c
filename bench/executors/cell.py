"""One cell of a grid, run in this process: claimed, from its checkpoint on, stored."""

import shutil
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.checkpoint import Keeper, OutOfTime
from bench.claims import Claim
from bench.data import DataSet, load, to_device
from bench.errors import BenchError, DataError, Declined, one_line
from bench.grid import BrokenCell, Cell
from bench.method import Progress
from bench.registry import Registry
from bench.runner import OnEpoch, execute
from bench.spec import RunSpec
from bench.store import Store
from bench.train import EpochLog


@dataclass(frozen=True)
class CellReport:
    """What became of one cell.

    `stored`: finished before. `stopped`: out of time, at a checkpoint or not begun. `claimed`: by another process.
    """

    title: str
    status: Literal["done", "stored", "declined", "failed", "stopped", "claimed"]
    detail: str = ""  # the accuracy and time of a run, or the reason


class Observer:
    """Who is told how the grid goes; this one says nothing."""

    def run_started(self, spec: RunSpec) -> None:
        """Called before a run starts."""

    def epoch(self, spec: RunSpec, progress: Progress, log: EpochLog) -> None:
        """Called after each of its epochs."""

    def run_ended(self, spec: RunSpec) -> None:
        """Called when it has ended, however it did."""

    def cell_finished(self, report: CellReport) -> None:
        """Called when a cell is done, stored before, declined, failed or stopped."""


@dataclass(frozen=True)
class Context:
    """Where things are and how long they may take; none of it changes an outcome."""

    registry: Registry
    store: Store
    data_root: Path
    download: bool = False
    force: bool = False
    checkpoint_seconds: float = 300.0
    deadline: float | None = None  # by `time.monotonic`

    def is_finished(self, spec: RunSpec) -> bool:
        """Return whether a run need not be run."""
        return not self.force and self.store.has(spec)

    def is_over(self) -> bool:
        """Return whether the time allowed is over."""
        return self.deadline is not None and time.monotonic() > self.deadline


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


def run_cell(cell: Cell, context: Context, datasets: DataSets, observer: Observer) -> CellReport:
    """Run one cell and return what became of it; only an interrupt is raised."""
    if isinstance(cell, BrokenCell):
        return CellReport(cell.title, "failed", cell.reason)
    try:
        if context.is_finished(cell):
            context.store.check(cell)
            _tidy(context.store.progress(cell))
            return CellReport(cell.title, "stored")
        if context.is_over():
            return CellReport(cell.title, "stopped", "not begun")
        return _claimed(cell, context, datasets, observer)
    except Declined as error:
        return CellReport(cell.title, "declined", one_line(error))
    except OutOfTime as error:
        return CellReport(cell.title, "stopped", one_line(error))
    except KeyboardInterrupt:
        raise
    except BenchError as error:
        return failed(cell, context.store, one_line(error))
    except BaseException as error:  # a plugin that exits must not end the grid
        return failed(cell, context.store, one_line(error), traceback.format_exc())


def failed(spec: RunSpec, store: Store, reason: str, trace: str = "") -> CellReport:
    """Write down why a run failed, and return its report."""
    try:
        store.save_failure(spec, reason, trace)
    except OSError:
        trace = ""
    where = f" (traceback in {store.failure(spec)})" if trace else ""
    return CellReport(spec.title, "failed", f"{reason}{where}")


def _claimed(spec: RunSpec, context: Context, datasets: DataSets, observer: Observer) -> CellReport:
    progress = context.store.progress(spec)
    claim = Claim.take(progress / "claim")
    if claim is None:
        return CellReport(spec.title, "claimed")
    keeper = Keeper(progress / "checkpoint.pt", spec.identity, context.checkpoint_seconds, context.deadline)
    done = False
    with claim:
        try:
            if done := context.is_finished(spec):  # by who held the claim before
                return CellReport(spec.title, "stored")
            context.store.failure(spec).unlink(missing_ok=True)
            observer.run_started(spec)

            def on_epoch(progress: Progress, log: EpochLog) -> None:
                claim.note(str(progress.epoch))
                observer.epoch(spec, progress, log)

            said = _run(spec, context, datasets, on_epoch, keeper)
            done = True
            return CellReport(spec.title, "done", said)
        finally:
            observer.run_ended(spec)
            if done or not keeper.path.exists():
                shutil.rmtree(progress, ignore_errors=True)


def _tidy(progress: Path) -> None:
    """Remove what a program that was killed at its last step left of a run that is finished."""
    if progress.is_dir() and (claim := Claim.take(progress / "claim")):
        with claim:
            shutil.rmtree(progress, ignore_errors=True)


def _run(spec: RunSpec, context: Context, datasets: DataSets, on_epoch: OnEpoch, keeper: Keeper) -> str:
    data = datasets.get(spec)
    cls = context.registry.find("methods", spec.method.name).load()
    outcome = execute(spec, data, cls, on_epoch, keeper)
    context.store.save(outcome)
    accuracy, seconds = outcome.record["metrics"]["accuracy"], outcome.record["cost"]["seconds"]
    return f"{100 * accuracy:.2f} % in {seconds:.1f} s{keeper.note}"
