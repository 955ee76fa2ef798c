"""Runs a grid on this machine, each run in a process of its own; one that dies costs its cell one retry.

Processes are forked from a server that has imported torch and done nothing else, so that one starts at once.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any

import torch

from bench.executors.cell import CellReport, Context, DataSets, Observer, failed, run_cell
from bench.executors.local import PATIENCE
from bench.grid import BrokenCell, Cell
from bench.method import Progress
from bench.spec import RunSpec
from bench.train import EpochLog

TRIES = 2


@dataclass
class Worker:
    """A process at work on a cell."""

    process: ForkServerProcess
    connection: Connection
    place: int  # of the cell in the grid
    slot: int  # which of the jobs it is


class ProcessExecutor:
    """Runs cells in as many processes at a time as there are jobs.

    Args:
        jobs: the number of processes.
        threads: CPU threads of each.
    """

    def __init__(self, context: Context, observer: Observer, jobs: int, threads: int) -> None:
        self.context, self.observer, self.jobs, self.threads = context, observer, jobs, threads
        self.server = multiprocessing.get_context("forkserver")
        # Optimisers import torch._dynamo, which takes seconds, and looks at GPUs, which must not be before a fork.
        self.server.set_forkserver_preload([__name__, *([] if torch.cuda.device_count() else ["torch._dynamo"])])

    def run(self, cells: list[Cell]) -> list[CellReport]:
        """Run all cells and return what became of each, in their order."""
        self.cells, self.reports = cells, dict[int, CellReport]()
        self.queue = deque(range(len(cells)))
        self.claimed: list[tuple[float, int]] = []  # since when, and the place
        self.tries = [0] * len(cells)
        self.workers: list[Worker] = []
        try:
            while len(self.reports) < len(cells):
                self._fill()
                self._listen()
        finally:
            for worker in self.workers:
                worker.process.kill()
        return [self.reports[place] for place in range(len(cells))]

    def _fill(self) -> None:
        """Start processes while there are free jobs and cells that want one."""
        ready = [place for since, place in self.claimed if time.monotonic() - since > PATIENCE]
        self.claimed = [(since, place) for since, place in self.claimed if place not in ready]
        self.queue.extend(ready)
        while self.queue and len(self.workers) < self.jobs:
            place = self.queue.popleft()
            cell = self.cells[place]
            if isinstance(cell, BrokenCell) or self.context.is_finished(cell) or self.context.is_over():
                self._finish(place, run_cell(cell, self.context, DataSets(self.context), self.observer))
            else:
                self._start(place)

    def _start(self, place: int) -> None:
        slot = min(set(range(self.jobs)) - {worker.slot for worker in self.workers})
        ours, theirs = self.server.Pipe()
        process = self.server.Process(
            target=work, args=(theirs, self.cells[place], self.context, self.threads, gpu_of(slot)), daemon=True
        )
        process.start()
        theirs.close()
        self.tries[place] += 1
        self.workers.append(Worker(process, ours, place, slot))

    def _listen(self) -> None:
        """Take in what the processes say, or wait a little."""
        if not self.workers:
            time.sleep(PATIENCE if self.claimed else 0)
            return
        ready = wait([worker.connection for worker in self.workers], timeout=PATIENCE)
        for worker in [worker for worker in self.workers if worker.connection in ready]:
            try:
                name, values = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                self._died(worker)
            else:
                self._heard(worker, name, values)

    def _heard(self, worker: Worker, name: str, values: tuple[Any, ...]) -> None:
        if name != "report":
            getattr(self.observer, name)(*values)
            return
        self._dismiss(worker)
        (report,) = values
        if report.status == "claimed":
            self.tries[worker.place] -= 1
            self.claimed.append((time.monotonic(), worker.place))
        else:
            self._finish(worker.place, report)

    def _died(self, worker: Worker) -> None:
        """Give the cell of a process that died another try, or up."""
        spec: Any = self.cells[worker.place]
        self._dismiss(worker)
        self.observer.run_ended(spec)
        if self.tries[worker.place] < TRIES:
            self.queue.appendleft(worker.place)
            return
        reason = f"its process died {TRIES} times, the last time by {death(worker.process.exitcode)}"
        self._finish(worker.place, failed(spec, self.context.store, reason))

    def _dismiss(self, worker: Worker) -> None:
        worker.connection.close()
        worker.process.join()
        self.workers.remove(worker)

    def _finish(self, place: int, report: CellReport) -> None:
        self.reports[place] = report
        self.observer.cell_finished(report)


class Messenger(Observer):
    """Tells the parent process how a run goes."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def run_started(self, spec: RunSpec) -> None:
        """Pass it on."""
        self.connection.send(("run_started", (spec,)))

    def epoch(self, spec: RunSpec, progress: Progress, log: EpochLog) -> None:
        """Pass it on."""
        self.connection.send(("epoch", (spec, progress, log)))

    def run_ended(self, spec: RunSpec) -> None:
        """Pass it on."""
        self.connection.send(("run_ended", (spec,)))


def work(connection: Connection, cell: Cell, context: Context, threads: int, gpu: str | None) -> None:
    """Run one cell in this process and tell the parent; end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    torch.set_num_threads(threads)
    connection.send(("report", (run_cell(cell, context, DataSets(context), Messenger(connection)),)))


def _end_with_parent(connection: Connection) -> None:
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)


def gpu_of(slot: int) -> str | None:
    """Return the GPU of a job, of those that this process may use, in turn; None where there is none."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = shown.split(",") if shown else [str(k) for k in range(torch.cuda.device_count())]
    return gpus[slot % len(gpus)] if gpus else None


def auto_jobs(threads: int) -> int:
    """Return how many jobs use this machine: one for each GPU, or for each so many CPU cores."""
    return torch.cuda.device_count() or max(1, len(os.sched_getaffinity(0)) // threads)


def death(exitcode: int | None) -> str:
    """Say how a process ended."""
    if exitcode is None or exitcode >= 0:
        return f"exit status {exitcode}"
    if -exitcode not in set(signal.Signals):
        return f"signal {-exitcode}"
    name = signal.Signals(-exitcode).name
    return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name
