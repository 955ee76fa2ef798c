"""One cell of a grid, run in this process: claimed, from its checkpoint on, stored."""

import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from bench.checkpoint import Keeper, OutOfTime
from bench.data import DataSet, load, to_device
from bench.errors import BenchError, DataError, Declined, one_line
from bench.factory import MethodFactory
from bench.method import Progress
from bench.registry import Registry
from bench.runner import OnEpoch, execute
from bench.spec import Cell, RunSpec
from bench.store import Store
from bench.train import EpochLog
from bench.under_way import UnderWay, is_taken, tidy


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


@dataclass(frozen=True)
class Context:
    """Where things are and how long they may take; none of it changes an outcome."""

    registry: Registry
    store: Store
    data_root: Path
    download: bool = False
    force: bool = False
    checkpoint_seconds: float = 300.0
    deadline: float | None = None  # by `time.time`, which machines share

    def is_finished(self, spec: RunSpec) -> bool:
        """Return whether a run need not be run."""
        return not self.force and self.store.has(spec)

    def is_over(self) -> bool:
        """Return whether the time allowed is over."""
        return self.deadline is not None and time.time() > self.deadline


class DataSets:
    """The data sets of a grid, one at a time in memory; one that cannot be loaded is not tried again."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.loaded: dict[str, DataSet | DataError] = {}

    def get(self, spec: RunSpec) -> DataSet:
        """Return a run's data set on the run's device.

        Raises:
            DataError: its files, or those of the labels that are its noise, are missing or damaged.
        """
        key = spec.dataset.model_dump_json()
        if key not in self.loaded:
            self.loaded = {known: error for known, error in self.loaded.items() if isinstance(error, DataError)}
            try:
                data = load(spec.dataset, self.context.registry, self.context.data_root, self.context.download)
                self.loaded[key] = to_device(data, spec.device)
            except DataError as error:
                self.loaded[key] = error
        found = self.loaded[key]
        if isinstance(found, DataError):
            raise found
        if spec.noise.label_set is not None:
            found.label_set(spec.noise.label_set)
        return found


def not_to_run(spec: RunSpec, context: Context) -> CellReport | None:
    """Return what is to be said of a run without running it: it is finished, claimed or too late; else None."""
    try:
        if context.is_finished(spec):
            context.store.check(spec)
            tidy(context.store.path(spec))
            return CellReport(spec.title, "stored")
        if context.is_over():
            return CellReport(spec.title, "stopped", "not begun")
        return CellReport(spec.title, "claimed") if is_taken(context.store.path(spec)) else None
    except (BenchError, OSError) as error:
        return CellReport(spec.title, "failed", one_line(error))


def run_cell(spec: RunSpec, context: Context, datasets: DataSets, observer: Observer) -> CellReport:
    """Run one cell and return what became of it; only an interrupt is raised."""
    try:
        return _claimed(spec, context, datasets, observer)
    except Declined as error:
        return CellReport(spec.title, "declined", one_line(error))
    except OutOfTime as error:
        return CellReport(spec.title, "stopped", one_line(error))
    except KeyboardInterrupt:
        raise
    except BenchError as error:
        return CellReport(spec.title, "failed", one_line(error))
    except (MemoryError, torch.OutOfMemoryError) as error:
        return CellReport(spec.title, "starved", one_line(error))
    except BaseException as error:  # a plugin that exits must not end the grid
        return CellReport(spec.title, "failed", one_line(error), traceback.format_exc())


def settle(cell: Cell, report: CellReport, context: Context, observer: Observer) -> CellReport:
    """Write down why a cell failed, if it did; tell the observer what became of it, and return that."""
    if report.status == "failed" and isinstance(cell, RunSpec):
        report = _written_down(cell, report, context.store)
    observer.cell_finished(report)
    return report


def _written_down(spec: RunSpec, report: CellReport, store: Store) -> CellReport:
    try:
        store.save_failure(spec, report.detail, report.trace)
    except OSError:
        return report
    where = f" (traceback in {store.failure(spec)})" if report.trace else ""
    return replace(report, detail=f"{report.detail}{where}")


def _claimed(spec: RunSpec, context: Context, datasets: DataSets, observer: Observer) -> CellReport:
    under_way = UnderWay.take(context.store.path(spec))
    if under_way is None:
        return CellReport(spec.title, "claimed")
    done = False
    try:
        if done := context.is_finished(spec):  # by who held the claim before
            return CellReport(spec.title, "stored")
        context.store.failure(spec).unlink(missing_ok=True)
        observer.run_started(spec)

        def on_epoch(progress: Progress, log: EpochLog) -> None:
            under_way.epoch_done(progress.epoch)
            observer.epoch(spec, progress)

        def on_checkpoint(path: Path) -> None:
            under_way.checkpointed()
            observer.checkpointed(spec, path)

        interval, deadline = context.checkpoint_seconds, context.deadline
        keeper = Keeper(
            under_way.checkpoint,
            spec.identity,
            interval,
            deadline,
            restored=under_way.resumed,
            written=on_checkpoint,
        )
        said = _run(spec, context, datasets, on_epoch, keeper)
        done = True
        return CellReport(spec.title, "done", said)
    finally:
        observer.run_ended(spec)
        under_way.release(done)


def _run(spec: RunSpec, context: Context, datasets: DataSets, on_epoch: OnEpoch, keeper: Keeper) -> str:
    data = datasets.get(spec)
    factory = MethodFactory.of(spec.method.name, spec.method.hyperparameters, context.registry)
    outcome = execute(spec, data, factory, on_epoch, keeper)
    context.store.save(outcome)
    accuracy, seconds = outcome.record["metrics"]["accuracy"], outcome.record["cost"]["seconds"]
    return f"{100 * accuracy:.2f} % in {seconds:.1f} s{keeper.note}"
