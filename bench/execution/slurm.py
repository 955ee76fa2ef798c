"""Runs a grid as Slurm jobs, by submitit; all machines see the results, data and plugin folders."""

import os
import time
from typing import Any

import submitit

from bench.errors import UsageError, one_line
from bench.execution.cell import run_cell
from bench.execution.context import Context, DataSets
from bench.execution.observer import CellReport, Observer
from bench.execution.process_tuning import dedicate
from bench.execution.queue_and_retries import Pool
from bench.grid.cell_state import CellState
from bench.plugins.method import Progress
from bench.spec import RunSpec
from bench.store.unfinished import epochs_done

TRIES = 4  # of jobs that are preempted, or run into their limits, before a checkpoint is written


class SlurmExecutor(Pool):
    """Submits each cell as a job, which locks its run, keeps checkpoints and stores the results.

    Args:
        jobs: in the queue at a time; None for the whole grid.
        threads: CPUs of each.
        options: of submitit's `AutoExecutor`, such as timeout_min or slurm_partition.
        cluster: slurm, or local or debug to try it without.

    Raises:
        UsageError: an option that submitit does not know.
    """

    def __init__(
        self,
        context: Context,
        observer: Observer,
        jobs: int | None = None,
        threads: int = 1,
        options: dict[str, Any] | None = None,
        cluster: str = "slurm",
    ) -> None:
        super().__init__(context, observer, TRIES)
        self.jobs, self.threads = jobs, threads
        self.shown: dict[int, int] = {}  # epochs, by place
        try:
            self.executor = submitit.AutoExecutor(context.store.root.parent / "slurm", cluster)
            self.executor.update_parameters(name="bench", cpus_per_task=threads, **(options or {}))
        except Exception as error:
            raise UsageError(f"--executor slurm: {one_line(error)}") from None

    def size(self) -> int:
        """Return how many jobs to have in the queue."""
        return self.jobs or len(self.cells)

    def start(self, place: int, spec: RunSpec) -> None:
        """Submit a job."""
        self.workers[place] = self.executor.submit(Job(), spec, self.context, self.threads)

    def listen(self, seconds: float) -> None:
        """Wait, then look how far the jobs are."""
        time.sleep(seconds)
        for place, job in list(self.workers.items()):
            if job.done():
                self._ended(place)
            elif job.state == "RUNNING":
                self._show(place)

    def close(self) -> None:
        """Cancel the jobs."""
        for job in self.workers.values():
            job.cancel()

    def _show(self, place: int) -> None:
        """Tell the observer that a job has started, and the newest epoch in its file `epochs`."""
        spec = self.cells[place]
        assert isinstance(spec, RunSpec)
        epoch, _ = epochs_done(self.context.store.path(spec))
        if place not in self.shown:
            self.observer.run_started(spec)
        if epoch > self.shown.get(place, 0):
            self.observer.epoch(spec, Progress(epoch, spec.recipe.epochs))
        self.shown[place] = epoch

    def _ended(self, place: int) -> None:
        job, spec = self.workers.pop(place), self.cells[place]
        assert isinstance(spec, RunSpec)
        self.shown.pop(place, None)
        self.observer.run_ended(spec)
        try:
            self.reported(place, job.result())
        except submitit.core.utils.FailedJobError as error:
            self.reported(place, CellReport(spec.title, CellState.FAILED, one_line(error)))
        except submitit.core.utils.UncompletedJobError as error:
            self.died(place, one_line(error))


class Job:
    """Runs one cell on one of the cluster's machines."""

    def __call__(self, spec: RunSpec, context: Context, threads: int) -> CellReport:
        """Run it."""
        dedicate(threads)
        return run_cell(spec, context, DataSets(context), Observer())

    def checkpoint(self, *given: object) -> None:
        """End the job when submitit says it is preempted or out of time; it is submitted again.

        Submitit's own way raises an exception within the run, which would pass for the run's.
        """
        os._exit(1)
