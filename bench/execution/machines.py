"""Which machines run a grid, and how much of them it takes."""

from typing import Any, Literal

import torch
from joblib import cpu_count
from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from bench.errors import UsageError
from bench.execution.context import Context
from bench.execution.local import LocalExecutor
from bench.execution.observer import CellReport, Observer
from bench.execution.processes import ProcessExecutor
from bench.spec import Cell, Frozen, RunSpec


class Machines(Frozen):
    """This machine, a Ray cluster or a Slurm queue; of all this the threads alone can change an outcome."""

    executor: Literal["local", "ray", "slurm"] = "local"
    jobs: NonNegativeInt | None = None  # runs at a time; None: what there is room for; 0: one, in this process
    threads: PositiveInt = 1  # of each run
    runs_per_gpu: PositiveInt = 1
    address: str | None = None  # of the Ray cluster; None: one of this machine alone
    slurm: dict[str, Any] = Field(default={})  # parameters of submitit's AutoExecutor

    @field_validator("jobs", mode="before")
    @classmethod
    def _auto(cls, given: Any) -> Any:
        if given == "auto":
            return None
        if isinstance(given, str) and not given.isdecimal():
            raise ValueError("must be auto or a number from 0")
        return given

    def at_once(self, grid: list[Cell]) -> int:
        """Return how many cells of a grid this machine runs at a time.

        That many of its own accord: as many as its GPUs take if any cell wants one, else as its cores.
        """
        on_gpu = _wants_gpu(grid)
        room = torch.cuda.device_count() * self.runs_per_gpu if on_gpu else cpu_count() // self.threads
        return max(1, min(room if self.jobs is None else self.jobs, len(grid)))

    def check(self, grid: list[Cell]) -> None:
        """Check that the machines fit the grid and the options each other.

        Raises:
            UsageError: they do not.
        """
        if self.address and self.executor != "ray":
            raise UsageError(f"--address {self.address}: is of a Ray cluster; pass --executor ray as well")
        if self.slurm and self.executor != "slurm":
            raise UsageError("--slurm: is of Slurm's queue; pass --executor slurm as well")
        if self.jobs == 0 and self.executor != "local":
            raise UsageError(
                f"--jobs 0: is this process alone; with --executor {self.executor} pass auto, or from 1"
            )
        if self.executor == "local" and _wants_gpu(grid) and not torch.cuda.is_available():
            raise UsageError("--device cuda: torch sees no CUDA device here; pass --device cpu or auto")

    def run(self, grid: list[Cell], context: Context, observer: Observer) -> list[CellReport]:
        """Run all cells and return what became of each.

        Raises:
            UsageError: the machines cannot be had.
        """
        if self.executor == "ray":
            return _ray(self, context, observer).run(grid)
        if self.executor == "slurm":
            return _slurm(self, context, observer).run(grid)
        if self.jobs != 0:
            return ProcessExecutor(context, observer, self.at_once(grid), self.threads).run(grid)
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            return LocalExecutor(context, observer).run(grid)
        finally:
            torch.set_num_threads(before)


def _wants_gpu(grid: list[Cell]) -> bool:
    return any(isinstance(cell, RunSpec) and cell.device == "cuda" for cell in grid)


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
