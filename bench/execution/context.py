"""What the cells of a grid share: where things are, the time allowed, and loaded data sets."""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.data.dataset import DataSet
from bench.data.label_files import content_of, with_labels
from bench.errors import DataError
from bench.plugins.loading import load, to_device
from bench.plugins.registry import Registry
from bench.spec import LabelFile, RunSpec
from bench.store.store import Store


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
    keep_weights: bool = False  # store them beside the predictions
    gpu: int | None = None  # the number of the GPU that was asked for; None leaves the choice to executors

    def is_finished(self, spec: RunSpec) -> bool:
        """Return whether a run need not be run."""
        return not self.force and self.store.has(spec)

    def is_over(self) -> bool:
        """Return whether the time allowed is over."""
        return self.deadline is not None and time.time() > self.deadline


class DataSets:
    """The data sets of a grid, one at a time in memory; what cannot be loaded is tried once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.loaded: dict[str, DataSet | DataError] = {}

    def get(self, spec: RunSpec) -> DataSet:
        """Return a run's data set on the run's device.

        Raises:
            DataError: its files, or those of the labels that are its noise, are missing or damaged.
            UsageError: its file of noisy labels is, or does not fit.
        """
        return self.labelled(spec, self._loaded(spec))

    def labelled(self, spec: RunSpec, data: DataSet) -> DataSet:
        """Return a run's data set with the given labels that are its noise, if they are.

        Raises:
            DataError: the data set does not have them.
            UsageError: their file is missing or damaged, or does not fit.
        """
        noise = spec.noise
        if noise.file is not None:
            data = with_labels(data, noise.file, noise.name, self.label_file(noise.file))
        if noise.given_labels is not None:
            data.label_set(noise.given_labels)
        return data

    def label_file(self, file: LabelFile) -> bytes:
        """Return the content of a file of noisy labels."""
        return content_of(file)

    def _loaded(self, spec: RunSpec) -> DataSet:
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
        return found
