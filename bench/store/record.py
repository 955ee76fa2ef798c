"""The record of a run: what tables and figures need of its files."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from bench.errors import BenchError, one_line
from bench.files.reading import parse_json
from bench.spec import ImportedSpec, Noise, RunSpec, StoredSpec
from bench.store.csv_columns import Columns, check, read_csv
from bench.store.csv_shapes import NO_EPOCHS, check_curves, check_epochs
from bench.store.file_sources import RECORD_FILES, RunFiles, read_checked
from bench.store.record_models import Cost, Environment, Metrics, NoiseManifest, RunRecord, StatedNoise
from bench.validation import validated


class StoreError(BenchError):
    """The files of a run cannot be read."""


@dataclass(frozen=True)
class Record:
    """A stored run as tables and figures need it: without its predictions, which `files` has."""

    files: RunFiles
    spec: StoredSpec
    manifest: StatedNoise  # a `NoiseManifest` if the training labels are known
    metrics: Metrics
    environment: Environment
    cost: Cost
    metrics_version: int
    outcome: str  # hash of labels, log and predictions: the same for the same bits
    classes: list[str]
    epochs_csv: bytes
    curves_csv: bytes
    remarks: list[str] = field(default_factory=list)  # of the method, about this training
    searches: tuple[str, ...] = ()  # names of those of `bench tune` that it is a winner's test of

    @property
    def path(self) -> Path:
        """The run's folder; that of a packed run is where it would lie if it were none."""
        return self.files.path

    @property
    def noise(self) -> Noise:
        """The point of the noise axis; where no rate was asked for, with that of the labels."""
        if self.spec.noise.rate is not None or not isinstance(self.manifest, NoiseManifest):
            return self.spec.noise
        return self.spec.noise.model_copy(update={"rate": self.manifest.realised_rate})

    @property
    def epochs(self) -> Columns:
        """The log, one value per epoch in each column; read at each use, to save memory."""
        return read_csv(self.epochs_csv)

    @property
    def curves(self) -> Columns:
        """Accuracy by rejected part, one column per score; read at each use."""
        return read_csv(self.curves_csv)

    def with_metrics(self, metrics: Metrics, version: int, curves: bytes) -> "Record":
        """Return the record with metrics and curves that other code made of its predictions."""
        return replace(self, metrics=metrics, metrics_version=version, curves_csv=curves)


def read_record(files: RunFiles) -> Record:
    """Return the record of a run.

    Raises:
        StoreError: it is not a run, or its files are not as written or do not fit together.
    """
    try:
        spec_json, manifest_json, epochs, curves, record_json = read_checked(files, RECORD_FILES).values()
        check(curves, "curves.csv", "rejected")
        spec = _spec(spec_json)
        check_curves(read_csv(curves))
        _check_log(epochs, spec)
        manifest = _manifest(manifest_json, spec)
        record = RunRecord.model_validate_json(record_json)
        _check_cost(record.cost, spec)
    except FileNotFoundError as error:
        raise StoreError(f"{files} is not a finished run: {Path(error.filename).name} is missing") from None
    except ValidationError as error:
        raise StoreError(f"{files} cannot be read as a run: {_first(error)}") from None
    except (BenchError, OSError, ValueError) as error:
        raise StoreError(f"{files} cannot be read as a run: {one_line(error)}") from None
    if record.identity != spec.identity:
        raise StoreError(f"{files}: spec.json does not hash to the identity in record.json; it was edited")
    rest = {key: getattr(record, key) for key in RunRecord.model_fields if key != "identity"}
    return Record(files, spec, manifest, **rest, epochs_csv=epochs, curves_csv=curves)


def _spec(content: bytes) -> StoredSpec:
    try:
        return RunSpec.model_validate_json(content)
    except ValidationError:
        found = parse_json(content)
        is_import = isinstance(found, dict) and "imported" in found
        return validated(ImportedSpec if is_import else RunSpec, found, "key of spec.json")  # says more


def _check_log(epochs: bytes, spec: StoredSpec) -> None:
    """Check the log of a training; an import has none.

    Raises:
        ValueError: it is not as it must be.
    """
    if isinstance(spec, RunSpec):
        check(epochs, "epochs.csv", "epoch")
        check_epochs(read_csv(epochs), spec)
    elif epochs != NO_EPOCHS:
        raise ValueError("epochs.csv of an imported run must hold no epoch")


def _check_cost(cost: Cost, spec: StoredSpec) -> None:
    if cost.seconds is None and isinstance(spec, RunSpec):
        raise StoreError("cost.seconds: they are missing, got None")


def _manifest(content: bytes, spec: StoredSpec) -> StatedNoise:
    """Return what is known of a run's noise: of an import without training labels what is said."""
    is_stated = isinstance(spec, ImportedSpec) and "samples" not in parse_json(content)
    return (StatedNoise if is_stated else NoiseManifest).model_validate_json(content)


def _first(error: ValidationError) -> str:
    """Return the first complaint of a validation as one line."""
    detail = error.errors()[0]
    where = ".".join(map(str, detail["loc"]))
    return f"{where or error.title}: {detail['msg']}, got {detail['input']!r:.80}"
