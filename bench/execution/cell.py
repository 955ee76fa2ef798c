"""Runs one cell of a grid in this process: locks it, trains, keeps checkpoints, stores the run."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from bench.errors import BenchError, Declined, one_line, place, trace
from bench.execution.context import Context, DataSets
from bench.execution.observer import CellReport, Observer
from bench.execution.runner import execute
from bench.grid.cell_state import Cell, CellState
from bench.plugins.factory import MethodFactory
from bench.plugins.fence import changes_by, fenced, standard
from bench.plugins.method import Progress
from bench.plugins.registry import Plugin, Registry
from bench.spec import RunSpec
from bench.store.plugin_sources import sources_of
from bench.store.store import Store
from bench.store.unfinished import UnderWay, is_taken, tidy
from bench.training.checkpoint import Keeper, OutOfTime
from bench.training.seeding import seed
from bench.training.tracker import EpochLog


def not_to_run(spec: RunSpec, context: Context) -> CellReport | None:
    """Return the report of a run that need not start (finished, claimed, out of time), or None."""
    try:
        if context.is_finished(spec):
            context.store.check(spec)
            tidy(context.store.path(spec))
            return CellReport(spec.title, CellState.FINISHED)
        if context.is_over():
            return CellReport(spec.title, CellState.STOPPED, "not begun")
        return CellReport(spec.title, CellState.CLAIMED) if is_taken(context.store.path(spec)) else None
    except (BenchError, OSError) as error:
        return CellReport(spec.title, CellState.FAILED, one_line(error))


def run_cell(spec: RunSpec, context: Context, datasets: DataSets, observer: Observer) -> CellReport:
    """Run one cell and return what became of it; only an interrupt is raised."""
    report = _run_cell(spec, context, datasets, observer)
    return replace(report, notes=_changes_by_plugins(spec, context))


def _changes_by_plugins(spec: RunSpec, context: Context) -> tuple[str, ...]:
    """Return what a run's plugins changed of this process, which was put back."""
    return tuple(line for plugin in _plugins_of(spec, context.registry) for line in changes_by(plugin.path))


def _plugins_of(spec: RunSpec, registry: Registry) -> list[Plugin]:
    found = [registry.all("methods").get(name) for name in _methods_of(spec)]
    found.append(registry.all("datasets").get(spec.dataset.name))
    found.append(registry.all("backbones").get(spec.recipe.backbone))
    return [plugin for plugin in found if plugin]


def _methods_of(spec: RunSpec) -> list[str]:
    """Return the names of a run's method and of the methods inside it."""
    values = spec.method.hyperparameters
    return [spec.method.name, *(value for value in values.values() if isinstance(value, str))]


def _run_cell(spec: RunSpec, context: Context, datasets: DataSets, observer: Observer) -> CellReport:
    try:
        return _claimed_and_run(spec, context, datasets, observer)
    except Declined as error:
        return CellReport(spec.title, CellState.DECLINED, one_line(error))
    except OutOfTime as error:
        return CellReport(spec.title, CellState.STOPPED, one_line(error))
    except KeyboardInterrupt:
        raise
    except BenchError as error:
        return CellReport(spec.title, CellState.FAILED, one_line(error))
    except (MemoryError, torch.OutOfMemoryError) as error:
        return CellReport(spec.title, CellState.STARVED, one_line(error))
    except BaseException as error:  # a plugin that exits must not end the grid
        lines = [place(error, plugin.path) for plugin in _plugins_of(spec, context.registry)]
        return CellReport(spec.title, CellState.FAILED, f"{one_line(error)}{''.join(lines)}", trace(error))


def settle(cell: Cell, report: CellReport, context: Context, observer: Observer) -> CellReport:
    """Store why a cell failed, if it did; tell the observer of the report, and return it."""
    if report.status == CellState.FAILED and isinstance(cell, RunSpec):
        report = _written_down(cell, report, context.store)
    if report.status == CellState.DONE and isinstance(cell, RunSpec):
        observer.run_stored(cell)
    observer.cell_finished(report)
    return report


def _written_down(spec: RunSpec, report: CellReport, store: Store) -> CellReport:
    try:
        store.save_failure(spec, report.detail, report.trace)
    except OSError:
        return report
    where = f" (traceback in {store.failure(spec)})" if report.trace else ""
    return replace(report, detail=f"{report.detail}{where}")


def claim(spec: RunSpec, context: Context) -> UnderWay | CellReport:
    """Lock a run that is about to be run, or report why there is no need to.

    Raises:
        OSError: its folder cannot be written to.
    """
    under_way = UnderWay.take(context.store.path(spec))
    if under_way is None:
        return CellReport(spec.title, CellState.CLAIMED)
    if context.is_finished(spec):  # by who held the claim before
        under_way.release(done=True)
        return CellReport(spec.title, CellState.FINISHED)
    return under_way


def _claimed_and_run(spec: RunSpec, context: Context, datasets: DataSets, observer: Observer) -> CellReport:
    under_way = claim(spec, context)
    if isinstance(under_way, CellReport):
        return under_way
    done = False
    try:
        context.store.failure(spec).unlink(missing_ok=True)
        observer.run_started(spec)
        said = _run(spec, context, datasets, under_way, observer)
        done = True
        return CellReport(spec.title, CellState.DONE, said)
    finally:
        observer.run_ended(spec)
        under_way.release(done)


def _run(spec: RunSpec, context: Context, datasets: DataSets, under_way: UnderWay, observer: Observer) -> str:
    """Train, evaluate and store a run; return its accuracy and time in words."""

    def on_epoch(progress: Progress, log: EpochLog) -> None:
        under_way.epoch_done(progress.epoch)
        observer.epoch(spec, progress, log)

    data = datasets.get(spec)
    factory = MethodFactory.of(spec.method.name, spec.method.hyperparameters, context.registry)
    sources = sources_of(_plugins_of(spec, context.registry))  # before an author edits them
    keeper = _keeper(spec, context, under_way, observer)
    with fenced(factory.plugin.path, partial(_begin, spec)):
        outcome = execute(spec, data, factory, on_epoch, keeper, keep_weights=context.keep_weights)
    context.store.save(replace(outcome, sources=sources))
    accuracy, seconds = outcome.assessment.metrics.accuracy, outcome.cost.seconds
    said = [f"{100 * accuracy:.2f} % in {seconds:.1f} s{keeper.note}", *outcome.remarks]
    return "; ".join(said)


def _begin(spec: RunSpec) -> None:
    """Have the process as a new one is: what its user has set would be part of no identity."""
    standard()
    seed(spec.seed)


def _keeper(spec: RunSpec, context: Context, under_way: UnderWay, observer: Observer) -> Keeper:
    def on_checkpoint(path: Path) -> None:
        under_way.checkpointed()
        observer.checkpointed(spec, path)

    return Keeper(
        under_way.checkpoint,
        spec.identity,
        context.checkpoint_seconds,
        context.deadline,
        restored=under_way.resumed,
        written=on_checkpoint,
    )
