"""Runs a grid on this machine, each run in its own process; if it dies, the run is tried again.

Processes are forked from a server that has imported torch and nothing more, so they start at once.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess

import torch

from bench.errors import one_line
from bench.execution.cell import run_cell
from bench.execution.context import Context, DataSets
from bench.execution.observer import CellReport, Event, Messenger, Observer
from bench.execution.process_tuning import dedicate
from bench.execution.queue_and_retries import Pool
from bench.spec import RunSpec

TRIES = 2
PAUSES = (0.5, 2.0, 0.0)  # seconds after a try to start a process that failed: a new server needs them
UNKNOWN = 255  # the exit status of a process whose server has died
NO_PROCESS = "its process did not start: the server of processes (forkserver) ended, perhaps for want of memory"


@dataclass
class Worker:
    """A process at work on a cell."""

    process: ForkServerProcess
    connection: Connection
    slot: int  # which of the jobs it is


class ProcessExecutor(Pool):
    """Runs cells in as many processes at a time as there are jobs.

    Args:
        jobs: the number of processes.
        threads: CPU threads of each.
    """

    def __init__(self, context: Context, observer: Observer, jobs: int, threads: int) -> None:
        super().__init__(context, observer, TRIES)
        self.jobs, self.threads = jobs, threads
        self.server = multiprocessing.get_context("forkserver")
        # Optimisers import torch._dynamo, which takes seconds. It looks at GPUs, which must not
        # happen before a fork.
        self.server.set_forkserver_preload([__name__, *([] if torch.cuda.device_count() else ["torch._dynamo"])])

    def size(self) -> int:
        """Return the number of jobs."""
        return self.jobs

    def start(self, place: int, spec: RunSpec) -> None:
        """Start a process; once more if the server of processes dies over it."""
        slot = min(set(range(self.jobs)) - {worker.slot for worker in self.workers.values()})
        for pause in PAUSES:
            try:
                self.workers[place] = self._started(slot, spec)
                return
            except (EOFError, OSError) as error:
                reason = f"{NO_PROCESS} ({one_line(error)})"
                time.sleep(pause)
        self.retry(place, reason)

    def _started(self, slot: int, spec: RunSpec) -> Worker:
        """Return a new process.

        Raises:
            EOFError, OSError: the server of processes was killed meanwhile.
        """
        ours, theirs = self.server.Pipe()
        process = self.server.Process(
            target=work,
            args=(theirs, spec, self.context, self.threads, gpu_of(slot, self.context.gpu)),
            daemon=True,
        )
        try:
            start_server()
            with interrupts_held():  # a process that is not told all it needs ends with a traceback
                process.start()
        except BaseException:
            ours.close()  # a process that was started after all ends without it
            raise
        finally:
            theirs.close()
        return Worker(process, ours, slot)

    def listen(self, seconds: float) -> None:
        """Handle the messages of the processes."""
        ready = wait([worker.connection for worker in self.workers.values()], timeout=seconds)
        for place, worker in [each for each in self.workers.items() if each[1].connection in ready]:
            try:
                message = worker.connection.recv()
            except (EOFError, OSError):  # the process has ended, perhaps within a message
                self._dismiss(place)
                self.died(place, death(worker.process.exitcode))
            else:
                self._heard(place, message)

    def close(self) -> None:
        """Kill the processes."""
        for worker in self.workers.values():
            worker.process.kill()

    def _heard(self, place: int, message: Event | CellReport) -> None:
        if isinstance(message, CellReport):
            self._dismiss(place)
            self.reported(place, message)
        else:
            message.tell(self.observer)

    def _dismiss(self, place: int) -> None:
        worker = self.workers.pop(place)
        worker.connection.close()
        worker.process.join()


def start_server() -> None:
    """Start the server of processes if there is none, where Ctrl-C reaches neither it nor them.

    What Ctrl-C means is the parent's to decide; a server that it ends would say so in a traceback.
    Signals that are blocked stay so in processes that are started meanwhile.
    """
    resource_tracker.ensure_running()  # it unblocks them
    if hasattr(signal, "pthread_sigmask"):
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let a Ctrl-C that comes within the block take effect at its end."""
    handler, came = signal.getsignal(signal.SIGINT), list[int]()
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(came[0], None)


def work(connection: Connection, spec: RunSpec, context: Context, threads: int, gpu: str | None) -> None:
    """Run one cell in this process and tell the parent; end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    dedicate(threads)
    connection.send(run_cell(spec, context, DataSets(context), Messenger(connection.send)))


def _end_with_parent(connection: Connection) -> None:
    try:
        connection.recv()
    except (EOFError, OSError):
        os._exit(1)


def gpu_of(slot: int, number: int | None = None) -> str | None:
    """Return the GPU for a job, in turn of those that this process may use; None without any.

    Args:
        slot: which of the jobs it is.
        number: of the GPU that all jobs use, as torch counts; None for all GPUs in turn.
    """
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = shown.split(",") if shown else [str(k) for k in range(torch.cuda.device_count())]
    return gpus[(slot if number is None else number) % len(gpus)] if gpus else None


def death(exitcode: int | None) -> str:
    """Say how a process ended."""
    if exitcode == UNKNOWN:
        return f"exit status {exitcode}, or unseen, as the server of processes (forkserver) was killed"
    if exitcode is None or exitcode >= 0:
        return f"exit status {exitcode}"
    if -exitcode not in set(signal.Signals):
        return f"signal {-exitcode}"
    name = signal.Signals(-exitcode).name
    return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name
