"""Runs a grid on a Ray cluster, without shared files; runs of a lost machine go on elsewhere.

The data set is put into Ray's object store, which keeps one copy on each machine. Checkpoints and
finished runs are sent back to this machine.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from bench.data.images import MappedImages
from bench.data.label_files import content_of
from bench.errors import BenchError, one_line
from bench.execution.cell import claim
from bench.execution.context import Context
from bench.execution.observer import CellReport, CheckpointSent, EpochDone, Event, Observer
from bench.execution.queue_and_retries import Pool
from bench.execution.ray_connection import connect, disconnect
from bench.execution.remote import Answer, Courier, Parcel, Shipment, run_parcel, take_in
from bench.files.atomic import replace_file
from bench.grid.cell_state import Cell, CellState
from bench.plugins.loading import load
from bench.spec import RunSpec
from bench.store.unfinished import UnderWay

TRIES = 4  # machines come and go


@dataclass
class Task:
    """A run on the cluster."""

    reference: Any
    under_way: UnderWay
    key: str  # of its messages; those of an earlier task of the same run are ignored


class RayExecutor(Pool):
    """Runs cells as Ray tasks, each with its share of CPUs and GPUs.

    Args:
        address: of the cluster; None starts one on this machine alone.
        jobs: tasks at a time; None for as many as the cluster has room for.
        threads: CPUs of each.
        runs_per_gpu: tasks that share a GPU.
    """

    def __init__(
        self,
        context: Context,
        observer: Observer,
        address: str | None = None,
        jobs: int | None = None,
        threads: int = 1,
        runs_per_gpu: int = 1,
    ) -> None:
        super().__init__(context, observer, TRIES)
        self.jobs, self.threads, self.runs_per_gpu = jobs, threads, runs_per_gpu
        self.owned = not ray.is_initialized()
        try:
            self._join(address)
        except BenchError:
            raise
        except Exception as error:  # Ray has many for a process of its own that died
            raise _lost(error) from None
        self.data: dict[str, Any] = {}  # the newest reference, by the data set's specification
        self.sent = 0  # tasks so far
        self.task = ray.remote(max_calls=1, max_retries=0)(work)

    def _join(self, address: str | None) -> None:
        """Join the cluster and put on it what all tasks share."""
        if self.owned:
            connect(address)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.mailbox = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        self.plugins = ray.put(self.context.registry.files())

    def run(self, cells: list[Cell]) -> list[CellReport]:
        """Run all cells.

        Raises:
            BenchError: a process of Ray's on this machine was lost.
        """
        try:
            return super().run(cells)
        except RayError as error:
            raise _lost(error) from None

    def size(self) -> int:
        """Return how many tasks the cluster has room for, or the number asked for."""
        if self.jobs is not None:
            return self.jobs
        room, cell = ray.cluster_resources(), self.cells[self.queue[0]]
        share = self._share(cell.device if isinstance(cell, RunSpec) else "cpu")
        return max(1, int(min(room.get(name, 0) / amount for name, amount in share.items())))

    def start(self, place: int, spec: RunSpec) -> None:
        """Claim a run here and send it to the cluster."""
        try:
            begun = self._claimed_and_sent(place, spec)
        except (BenchError, OSError, RayError) as error:
            begun = CellReport(spec.title, CellState.FAILED, one_line(error))
        if isinstance(begun, Task):
            self.workers[place] = begun
        else:
            self.reported(place, begun)

    def _claimed_and_sent(self, place: int, spec: RunSpec) -> Task | CellReport:
        under_way = claim(spec, self.context)
        if isinstance(under_way, CellReport):
            return under_way
        try:
            self.context.store.failure(spec).unlink(missing_ok=True)
            return self._sent(place, spec, under_way)
        except BaseException:
            under_way.release(done=False)
            raise

    def _sent(self, place: int, spec: RunSpec, under_way: UnderWay) -> Task:
        self.sent += 1
        key = f"{place}.{self.sent}"
        share = {f"num_{name.lower()}s": amount for name, amount in self._share(spec.device).items()}
        parcel, data = self._parcel(spec, under_way), self._data(spec)
        task = self.task.options(**share).remote(parcel, self.plugins, data, self.mailbox, key)
        return Task(task, under_way, key)

    def listen(self, seconds: float) -> None:
        """Handle messages before ends: a task has sent all of its own before it ends."""
        tasks = {task.reference: place for place, task in self.workers.items()}
        ended, _ = ray.wait(list(tasks), timeout=seconds)
        for key, message in self.mailbox.get_nowait_batch(self.mailbox.size()):
            place = int(key.partition(".")[0])
            if place in self.workers and self.workers[place].key == key:
                try:
                    self._heard(self.workers[place], message)
                except OSError as error:
                    self._give_up(place, error)
        for reference in ended:
            if tasks[reference] in self.workers:
                self._ended(tasks[reference])

    def close(self) -> None:
        """Cancel the tasks and leave the cluster."""
        for task in self.workers.values():
            _cancel(task)
        with suppress(RayError):
            self.mailbox.shutdown(force=True)
        if self.owned:
            disconnect()

    def _share(self, device: str) -> dict[str, float]:
        """Return the resources that a run takes, by Ray's names."""
        gpu = {"GPU": 1 / self.runs_per_gpu} if device == "cuda" else {}
        return {"CPU": float(self.threads), **gpu}

    def _data(self, spec: RunSpec) -> list[Any] | None:
        """Return a data set's reference on the cluster, in a list: Ray would wait for a bare one.

        None for a data set that stays on disk: each machine reads its own files.

        Raises:
            BenchError: it cannot be loaded.
        """
        key = spec.dataset.model_dump_json()
        if key not in self.data:
            context = self.context
            data = load(spec.dataset, context.registry, context.data_root, context.download)
            on_disk = isinstance(data.train.images, MappedImages)
            self.data = {key: None if on_disk else [ray.put(Shipment.of(data))]}
        return self.data[key]

    def _parcel(self, spec: RunSpec, under_way: UnderWay) -> Parcel:
        path = under_way.checkpoint
        checkpoint = path.read_bytes() if path.exists() else None
        context, root = self.context, self.context.data_root.absolute()
        labels = content_of(spec.noise.file) if spec.noise.file else None
        times = context.checkpoint_seconds, context.deadline
        return Parcel(spec, checkpoint, *times, root, self.threads, labels, context.keep_weights)

    def _heard(self, task: Task, message: Event | CheckpointSent) -> None:
        if isinstance(message, CheckpointSent):
            with replace_file(task.under_way.checkpoint) as file:
                file.write(message.content)
            task.under_way.checkpointed()
            return
        if isinstance(message, EpochDone):
            task.under_way.epoch_done(message.progress.epoch)
        message.tell(self.observer)

    def _give_up(self, place: int, error: OSError) -> None:
        """Report a run as failed whose checkpoints cannot be written here."""
        task, spec = self.workers.pop(place), self.cells[place]
        assert isinstance(spec, RunSpec)
        _cancel(task)
        self.observer.run_ended(spec)
        self.reported(place, CellReport(spec.title, CellState.FAILED, one_line(error)))

    def _ended(self, place: int) -> None:
        task, spec = self.workers.pop(place), self.cells[place]
        assert isinstance(spec, RunSpec)
        done = False
        try:
            answer: Answer = ray.get(task.reference)
            if answer.run is not None:
                take_in(answer.run, spec, self.context.store)
            report = answer.report
            done = report.status == CellState.DONE
        except (BenchError, OSError) as error:
            report = CellReport(spec.title, CellState.FAILED, one_line(error))
        except RayTaskError as error:  # its own message is the traceback of the other machine
            report = CellReport(spec.title, CellState.FAILED, one_line(error.cause))
        except RayError as error:
            task.under_way.release(done=False)
            self.died(place, type(error).__name__)
            return
        task.under_way.release(done)
        self.reported(place, report)


def _cancel(task: Task) -> None:
    with suppress(RayError):
        ray.cancel(task.reference, force=True)
    task.under_way.release(done=False)


def _lost(error: Exception) -> BenchError:
    said = str(error).partition("\n")[0]
    return BenchError(
        f"Ray on this machine was lost, or one of its processes (raylet, gcs_server) was killed: "
        f"{type(error).__name__}: {said:.200}; what is finished is kept, the same command goes on from there"
    )


def work(parcel: Parcel, plugins: dict[str, bytes], data: list[Any] | None, mailbox: Queue, key: str) -> Answer:
    """Run a parcel, on one of the cluster's machines."""
    courier = Courier(lambda message: mailbox.put((key, message)))
    fetch: Any = partial(ray.get, data[0]) if data else None
    return run_parcel(parcel, plugins, fetch, courier)
