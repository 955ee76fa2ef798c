"""What the cells of a grid share: where things are, the time allowed, and loaded data sets."""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.data.dataset import DataSet
from bench.errors import DataError
from bench.plugins.loading import load, to_device
from bench.plugins.registry import Registry
from bench.spec import RunSpec
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
        """
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
        if spec.noise.label_set is not None:
            found.label_set(spec.noise.label_set)
        return found
