"""A run on its way to a machine that shares no files with this one, and what comes back."""

import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from bench.data.dataset import DataSet, Split
from bench.execution.cell import run_cell
from bench.execution.context import Context, DataSets
from bench.execution.observer import CellReport, CheckpointSent, Messenger
from bench.execution.process_tuning import dedicate
from bench.grid.cell_state import CellState
from bench.plugins.loading import to_device
from bench.plugins.registry import Registry
from bench.spec import LabelFile, RunSpec
from bench.store.file_sources import MOST_BYTES, PREDICTIONS, RUN_FILES, WEIGHTS, Held, read_checked
from bench.store.record import StoreError, read_record
from bench.store.store import Store
from bench.store.unfinished import checkpoint_in, folder_of


class Parcel(NamedTuple):
    """All that a run needs but its data set, which many runs share."""

    spec: RunSpec
    checkpoint: bytes | None
    checkpoint_seconds: float
    deadline: float | None
    data_root: Path  # for data sets that are not sent
    threads: int
    labels: bytes | None = None  # content of the file of noisy labels, if there is one
    keep_weights: bool = False


class Answer(NamedTuple):
    """What became of a run, and the files of a finished one by their names."""

    report: CellReport
    run: dict[str, bytes] | None


class Arrays(NamedTuple):
    """A split as arrays, which the runs on one machine can share without a copy."""

    images: np.ndarray
    labels: np.ndarray
    extra: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, split: Split) -> "Arrays":
        """Return the arrays of a split."""
        return cls(split.images.numpy(), split.labels.numpy(), split.extra)

    def split(self) -> Split:
        """Return the split, its tensors on the same memory."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nor is it written to
            return Split(torch.from_numpy(self.images), torch.from_numpy(self.labels), self.extra)


class Shipment(NamedTuple):
    """A data set on its way."""

    train: Arrays
    test: Arrays
    rest: dict[str, Any]

    @classmethod
    def of(cls, data: DataSet) -> "Shipment":
        """Return what is sent of a data set."""
        rest = data._asdict()
        return cls(Arrays.of(rest.pop("train")), Arrays.of(rest.pop("test")), rest)

    def unpacked(self) -> DataSet:
        """Return the data set."""
        return DataSet(self.train.split(), self.test.split(), **self.rest)


class Delivered(DataSets):
    """The data set of a parcel.

    Args:
        fetch: returns it; None for one that each machine reads from files of its own.
        labels: content of the file of noisy labels, if there is one.
    """

    def __init__(
        self, context: Context, fetch: Callable[[], Shipment] | None, labels: bytes | None = None
    ) -> None:
        super().__init__(context)
        self.fetch, self.labels = fetch, labels

    def get(self, spec: RunSpec) -> DataSet:
        """Return the data set on the run's device."""
        if self.fetch is None:
            return super().get(spec)
        self.context.registry.find("datasets", spec.dataset.name).load()  # its functions are sent by name
        return self.labelled(spec, to_device(self.fetch().unpacked(), spec.device))

    def label_file(self, file: LabelFile) -> bytes:
        """Return the content of a file of noisy labels, which came with the run."""
        assert self.labels is not None
        return self.labels


class Courier(Messenger):
    """Sends checkpoints along."""

    def checkpointed(self, spec: RunSpec, path: Path) -> None:
        """Pass its content on."""
        self.send(CheckpointSent(spec, path.read_bytes()))


def run_parcel(
    parcel: Parcel, plugins: Mapping[str, bytes], fetch: Callable[[], Shipment] | None, courier: Courier
) -> Answer:
    """Run what a parcel holds, in a folder of its own that is gone afterwards.

    Args:
        plugins: the files of plugin folders, by their path there.
        fetch: returns the data set; None to read it below the parcel's data root.
        courier: sends word of how it goes.
    """
    dedicate(parcel.threads)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        context = _unpacked(parcel, plugins, Path(folder))
        report = run_cell(parcel.spec, context, Delivered(context, fetch, parcel.labels), courier)
        done = report.status == CellState.DONE
        return Answer(report, _files_of(context.store, parcel.spec) if done else None)


def _unpacked(parcel: Parcel, plugins: Mapping[str, bytes], folder: Path) -> Context:
    """Write what came with a parcel to files."""
    for name, content in plugins.items():
        path = folder / "plugins" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    store = Store(folder / "results")
    if parcel.checkpoint is not None:
        path = checkpoint_in(folder_of(store.path(parcel.spec)))
        path.parent.mkdir(parents=True)
        path.write_bytes(parcel.checkpoint)
    return Context(
        Registry([folder / "plugins"]),
        store,
        parcel.data_root,
        checkpoint_seconds=parcel.checkpoint_seconds,
        deadline=parcel.deadline,
        keep_weights=parcel.keep_weights,
    )


def _files_of(store: Store, spec: RunSpec) -> dict[str, bytes]:
    files = store.files(spec)
    return {name: files.read(name) for name in files.names()}


def take_in(run: Mapping[str, bytes], spec: RunSpec, store: Store) -> None:
    """Put a finished run that came back into the store.

    Args:
        run: its files by name; others than a run has are refused.

    Raises:
        StoreError: it is damaged, or is another run.
    """
    if not isinstance(run, Mapping):
        raise StoreError(f"{spec.title}: what came back is no run")
    for name, content in run.items():
        if name not in RUN_FILES or type(content) is not bytes:
            raise StoreError(f"{spec.title}: {str(name)[:80]} came back, which is no file of a run")
        if len(content) > MOST_BYTES[name]:
            raise StoreError(f"{spec.title}: {name} of {len(content)} bytes came back, larger than it may be")
    files = Held(store.path(spec), run)
    record = read_record(files)
    try:
        read_checked(files, tuple(name for name in (*PREDICTIONS, WEIGHTS) if name in run))
    except ValueError as error:
        raise StoreError(f"{spec.title}: {error}") from None
    if record.spec.identity != spec.identity:
        raise StoreError(f"{spec.title}: another run came back, {record.spec.title}")
    store.add(record)
