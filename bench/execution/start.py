"""Starts the executor that was asked for: this process, others, a Ray cluster or a Slurm queue."""

from typing import Any

import torch

from bench.errors import UsageError
from bench.execution.context import Context
from bench.execution.local import LocalExecutor
from bench.execution.machines import Machines
from bench.execution.observer import CellReport, Observer
from bench.execution.processes import ProcessExecutor
from bench.grid.cell_state import Cell
from bench.grid.devices import on_gpu
from bench.store.unfinished import clear


def run_grid(machines: Machines, grid: list[Cell], context: Context, observer: Observer) -> list[CellReport]:
    """Run all cells and return what became of each, in their order.

    Raises:
        UsageError: the machines cannot be reached, or a package for them is not installed.
    """
    clear(context.store.root)
    observer.preparing(_said(machines, grid))
    if machines.executor == "ray":
        return _ray(machines, context, observer).run(grid)
    if machines.executor == "slurm":
        return _slurm(machines, context, observer).run(grid)
    if machines.jobs != 0:
        jobs = machines.at_once(grid, context.gpu)
        return ProcessExecutor(context, observer, jobs, machines.threads).run(grid)
    return _in_this_process(machines.threads, grid, context, observer)


def _said(machines: Machines, grid: list[Cell]) -> str:
    """Return what happens before the first run begins."""
    if machines.executor == "ray":
        return "connecting to the Ray cluster …"
    if machines.executor == "slurm":
        return "submitting runs to Slurm …"
    if machines.jobs == 0:
        return "loading data …"
    jobs = machines.at_once(grid)
    return f"starting {jobs} worker{'s' if jobs > 1 else ''} and loading data …"


def _in_this_process(threads: int, grid: list[Cell], context: Context, observer: Observer) -> list[CellReport]:
    """Run a grid with so many threads of torch; whoever called keeps the number of his own."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with on_gpu(context.gpu):
            return LocalExecutor(context, observer).run(grid)
    finally:
        torch.set_num_threads(before)


def _ray(machines: Machines, context: Context, observer: Observer) -> Any:
    try:
        from bench.execution.ray import RayExecutor
    except ModuleNotFoundError as error:
        raise _lacking("ray", error) from None
    return RayExecutor(context, observer, machines.address, machines.jobs, machines.threads, machines.runs_per_gpu)


def _slurm(machines: Machines, context: Context, observer: Observer) -> Any:
    try:
        from bench.execution.slurm import SlurmExecutor
    except ModuleNotFoundError as error:
        raise _lacking("slurm", error) from None
    return SlurmExecutor(context, observer, machines.jobs, machines.threads, machines.slurm)


def _lacking(extra: str, error: ModuleNotFoundError) -> UsageError:
    return UsageError(f"--executor {extra}: {error.name} is not installed; pip install '.[{extra}]' brings it")
