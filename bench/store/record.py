"""The record of a run: what tables and figures need of its files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError, one_line
from bench.files import checksums
from bench.spec import Noise, RunSpec, validated
from bench.store.cache import Content
from bench.store.packed_columns import Columns, pack, read_csv, unpack

RECORD_FILES = ("spec.json", "manifest.json", "epochs.csv", "curves.csv", "record.json")
RECORD_KEYS = ("metrics", "environment", "cost", "metrics_source", "outcome", "classes")


class StoreError(BenchError):
    """A folder in the store cannot be read as a run."""


@dataclass(frozen=True)
class Record:
    """A stored run as tables and figures need it: without its predictions."""

    path: Path
    spec: RunSpec
    manifest: dict[str, Any]
    metrics: dict[str, Any]
    environment: dict[str, Any]
    cost: dict[str, Any]
    metrics_source: str
    outcome: str  # hash of labels, log and predictions: the same for the same bits
    classes: list[str]
    packed_epochs: bytes
    packed_curves: bytes

    @property
    def noise(self) -> Noise:
        """The point of the noise axis; where no rate was asked for, with that of the labels."""
        if self.spec.noise.rate is not None:
            return self.spec.noise
        return self.spec.noise.model_copy(update={"rate": self.manifest["realised_rate"]})

    @property
    def epochs(self) -> Columns:
        """The log, one value per epoch in each column; unpacked at each use: many records take little memory."""
        return unpack(self.packed_epochs)

    @property
    def curves(self) -> Columns:
        """Accuracy by rejected part, one column per score; unpacked at each use."""
        return unpack(self.packed_curves)


def checked(folder: Path) -> Content:
    """Return the files of a run, checked.

    Raises:
        StoreError: the folder is not a run, or its files are not as they were written.
    """
    try:
        spec, manifest, epochs, curves, record = checksums.read_checked(folder, RECORD_FILES).values()
        epochs, curves = _packed(epochs, "epochs.csv", "epoch"), _packed(curves, "curves.csv", "rejected")
    except FileNotFoundError as error:
        raise StoreError(f"{folder} is not a finished run: {Path(error.filename).name} is missing") from None
    except (OSError, ValueError) as error:
        raise _unreadable(folder, error) from None
    return Content(spec, manifest, record, epochs, curves)


def record_of(folder: Path, content: Content) -> Record:
    """Return the record that the files of a run make.

    Raises:
        StoreError: they do not fit together.
    """
    try:
        spec = validated(RunSpec, json.loads(content.spec.decode()), "key of spec.json")
        manifest, record = json.loads(content.manifest.decode()), json.loads(content.record.decode())
        parts = {key: record[key] for key in RECORD_KEYS}
        identity = record["identity"]
        _check_types(manifest, record)
    except (BenchError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder, error) from None
    if identity != spec.identity:
        raise StoreError(f"{folder}: spec.json does not hash to the identity in record.json; it was edited")
    return Record(folder, spec, manifest, **parts, packed_epochs=content.epochs, packed_curves=content.curves)


def _unreadable(folder: Path, error: Exception) -> StoreError:
    return StoreError(f"{folder} cannot be read as a run: {one_line(error)}")


def _packed(content: bytes, name: str, first: str) -> bytes:
    columns = read_csv(content)
    if next(iter(columns)) != first or not len(columns[first]):
        raise ValueError(f"{name} has no rows under a column {first}")
    return pack(columns)


def _check_types(manifest: Any, record: Any) -> None:
    """Check the entries that ordering and counting runs rely on; the identity is checked by its hash."""
    for owner, key, kind in [
        (record["cost"], "started", str),
        (record["cost"], "seconds", int | float),
        (manifest, "flips", int),
        (record["metrics"], "accuracy", int | float),
        (record["metrics"]["scores"], "own", dict),
    ]:
        if not isinstance(owner[key], kind):
            raise TypeError(f"{key} is {owner[key]!r}")
