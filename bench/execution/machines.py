"""Options of execution: how many runs at a time, for how long, and on which machines."""

import time
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from bench.errors import UsageError
from bench.execution.process_limits import check_processes, check_threads
from bench.grid.cell_state import Cell
from bench.options import Count, NonNegative, Options, option
from bench.spec import RunSpec

SPEED, MACHINES = "How much at a time, and for how long", "On other machines"


class Machines(Options):
    """How and where a grid is run; of all this, only the number of threads can change an outcome.

    Torch is imported by the methods that ask for GPUs, so that `bench --help` need not wait for it.
    """

    jobs: Annotated[int, Field(strict=True, ge=0)] | None = option(
        None,
        "Runs at a time, each its own process; auto: one a core or GPU; 0: in this process.",
        SPEED,
        "N|auto",
        unset="auto",
    )
    runs_per_gpu: Count = option(1, "Runs that share a GPU if jobs is auto; for small nets.", SPEED, "N")
    threads: Annotated[Count, Field(le=1024)] = option(
        1, "CPU threads of each run; more pay for large nets only.", SPEED, "N"
    )
    max_minutes: NonNegative | None = option(
        None,
        "Stop at a checkpoint within so many minutes, with exit status 75.",
        SPEED,
        "MINUTES",
        unset="no limit",
    )
    checkpoint_minutes: NonNegative = option(
        5.0, "Time between checkpoints; 0 writes one after every epoch.", SPEED, "MINUTES"
    )
    executor: Literal["local", "ray", "slurm"] = option("local", "Who runs the runs.", MACHINES)
    address: str | None = option(
        None,
        "Address of a Ray cluster, such as 10.0.0.1:6379.",
        MACHINES,
        "HOST:PORT",
        unset="Ray on this machine",
    )
    slurm: dict[str, Any] = option(
        {},
        "A parameter of submitit's AutoExecutor, such as slurm_partition=gpu or timeout_min=600. May be repeated.",
        MACHINES,
        "KEY=VALUE",
        unset="submitit's own",
    )

    @field_validator("jobs", mode="before")
    @classmethod
    def _auto(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        if given != "auto" and not given.isdecimal():
            raise ValueError("must be auto or a number from 0")
        return None if given == "auto" else int(given)

    def deadline(self) -> float | None:
        """Return when the time allowed is over, in seconds as of `time.time`; None: never."""
        return None if self.max_minutes is None else time.time() + 60 * self.max_minutes

    def at_once(self, grid: list[Cell], gpu: int | None = None) -> int:
        """Return how many cells of a grid this machine runs at a time.

        Default: free GPU slots if any cell wants a GPU, else cores ÷ threads.

        Args:
            grid: all cells.
            gpu: number of the only GPU that they may use; None for all GPUs.
        """
        return max(1, min(self._room(grid, gpu) if self.jobs is None else self.jobs, len(grid)))

    def _room(self, grid: list[Cell], gpu: int | None) -> int:
        import torch
        from joblib import cpu_count

        wanted = devices_of(grid)
        if "mps" in wanted or gpu is not None:
            return self.runs_per_gpu
        return torch.cuda.device_count() * self.runs_per_gpu if "cuda" in wanted else cpu_count() // self.threads

    def check(self, grid: list[Cell], gpu: int | None = None) -> None:
        """Check that the options fit each other, the grid and the number of the GPU asked for.

        Raises:
            UsageError: they do not, or this machine's limits are too low.
        """
        if self.address and self.executor != "ray":
            raise UsageError("--address needs --executor ray")
        if self.slurm and self.executor != "slurm":
            raise UsageError("--slurm needs --executor slurm")
        if self.jobs == 0 and self.executor != "local":
            raise UsageError(
                f"--jobs 0 runs in this process, so it cannot go with --executor {self.executor}; "
                "pass --jobs auto (jobs=None in Python)"
            )
        if gpu is not None and self.executor != "local":
            raise UsageError(
                f"--device cuda:{gpu} names a GPU of this machine; with --executor {self.executor} pass "
                f"--device cuda, and {self.executor} gives each run its GPU"
            )
        if self.executor == "local":
            self._check_this_machine(grid, gpu)

    def _check_this_machine(self, grid: list[Cell], gpu: int | None) -> None:
        for kind in sorted(devices_of(grid) - {"cpu"}):
            from bench.grid.devices import require_device

            require_device(kind, gpu)
        check_threads(self.threads)
        if self.jobs != 0:
            check_processes(self.at_once(grid, gpu))


def devices_of(grid: list[Cell]) -> set[Literal["cpu", "cuda", "mps"]]:
    """Return the classes of devices that cells of a grid run on."""
    return {cell.device for cell in grid if isinstance(cell, RunSpec)}
