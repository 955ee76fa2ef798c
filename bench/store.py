"""Results on disk: one folder per run, written as a whole or not at all.

runs/mnist/rul/symmetric-0.3/seed0-1f3a9c04/
    spec.json      what was run; its hash is the run's identity
    manifest.json  what was done to the labels
    epochs.csv     the log, one row per epoch
    curves.csv     accuracy after rejecting 0 … 99 %, one column per score
    record.json    metrics, environment, cost
    test.parquet   logits, uncertainty, features and labels of the evaluated set
    train.parquet  logits, uncertainty and the three label vectors of the training set
    SHA256SUMS     of all these, so that what is torn or edited is told and not used
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from bench import checksums
from bench.errors import BenchError, one_line
from bench.predict import Predictions
from bench.spec import RunSpec, validated

RECORD_FILES = ("spec.json", "manifest.json", "epochs.csv", "curves.csv", "record.json")
RECORD_KEYS = ("metrics", "environment", "cost", "metrics_source", "outcome", "classes")
PARTIAL = ".partial-"
REPLACED = ".replaced-"  # a run's folder for the moment in which a new one takes its place
PROGRESS = ".progress-"  # folder of a run that is under way or was interrupted: its claim and its checkpoint


class StoreError(BenchError):
    """A folder in the store cannot be read as a run."""


class Outcome(NamedTuple):
    """Everything a finished run leaves."""

    spec: RunSpec
    manifest: dict[str, Any]
    epochs: pd.DataFrame
    curves: pd.DataFrame
    record: dict[str, Any]
    test: pd.DataFrame
    train: pd.DataFrame

    @property
    def digest(self) -> str:
        """Hash of labels, log and predictions, whatever the versions of the files' formats."""
        content = hashlib.sha256(json.dumps(self.manifest, sort_keys=True).encode())
        content.update(_csv(self.epochs).encode())
        for name, column in (*self.test.items(), *self.train.items()):
            content.update(str(name).encode() + column.to_numpy().tobytes())
        return content.hexdigest()


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
    epochs: pd.DataFrame
    curves: pd.DataFrame


class Store:
    """The runs below a results folder."""

    def __init__(self, results: Path) -> None:
        self.root = results / "runs"
        self.asked = self.root / ".asked.json"  # what runs were asked for

    def path(self, spec: RunSpec) -> Path:
        """Return the folder of a run."""
        return self.root / spec.folder

    def progress(self, spec: RunSpec) -> Path:
        """Return the folder of a run's claim and checkpoint while it is not finished."""
        target = self.path(spec)
        return target.with_name(f"{PROGRESS}{target.name}")

    def has(self, spec: RunSpec) -> bool:
        """Return whether a run's folder is there; a run that is not finished has none."""
        _recover(self.path(spec))
        return self.path(spec).is_dir()

    def check(self, spec: RunSpec) -> None:
        """Check that a run that is there can be read.

        Raises:
            StoreError: its folder is damaged, or holds another run.
        """
        folder = self.path(spec)
        if self.read(folder).spec.identity != spec.identity:
            raise StoreError(f"{folder} holds another run; move it away, or pass --force to run over it")

    def save(self, outcome: Outcome) -> None:
        """Write a run beside its place and move it there in one step: a reader sees all of it or nothing."""
        target = self.path(outcome.spec)
        partial = _fresh(target)
        _write_json(partial / "spec.json", outcome.spec.model_dump(mode="json"))
        _write_json(partial / "manifest.json", outcome.manifest)
        _write_csv(partial / "epochs.csv", outcome.epochs)
        _write_csv(partial / "curves.csv", outcome.curves)
        outcome.test.to_parquet(partial / "test.parquet", index=False)
        outcome.train.to_parquet(partial / "train.parquet", index=False)
        _write_json(partial / "record.json", outcome.record | {"outcome": outcome.digest})
        checksums.write(partial)
        _put(partial, target)
        self.failure(outcome.spec).unlink(missing_ok=True)

    def failure(self, spec: RunSpec) -> Path:
        """Return the file that says why a run failed."""
        return self.path(spec).with_suffix(".error.txt")

    def save_failure(self, spec: RunSpec, reason: str, trace: str = "") -> None:
        """Write down why a run failed, beside the place of its results."""
        path = self.failure(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{reason}\n{trace}", encoding="utf-8")

    def read(self, folder: Path) -> Record:
        """Read one run's record.

        Raises:
            StoreError: the folder is not a run, or its files do not fit together.
        """
        try:
            checksums.check(folder, RECORD_FILES)
            spec = validated(RunSpec, _read_json(folder / "spec.json"), "key of spec.json")
            manifest, record = _read_json(folder / "manifest.json"), _read_json(folder / "record.json")
            epochs, curves = (
                _read_csv(folder / "epochs.csv", "epoch"),
                _read_csv(folder / "curves.csv", "rejected"),
            )
            parts = {
                key: record[key]
                for key in ("metrics", "environment", "cost", "metrics_source", "outcome", "classes")
            }
            identity = record["identity"]
            _check_types(manifest, record)
        except FileNotFoundError as error:
            raise StoreError(f"{folder} is not a finished run: {Path(error.filename).name} is missing") from None
        except (BenchError, OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{folder} cannot be read as a run: {one_line(error)}") from None
        if identity != spec.identity:
            raise StoreError(f"{folder}: spec.json does not hash to the identity in record.json; it was edited")
        return Record(folder, spec, manifest, **parts, epochs=epochs, curves=curves)

    def add(self, record: Record) -> None:
        """Copy a run of another store, with what predictions it has, to its place."""
        target = self.path(record.spec)
        if not target.resolve().is_relative_to(self.root.resolve()):
            raise StoreError(f"{record.path} names a place outside the store: {record.spec.folder}")
        partial = _fresh(target)
        try:
            for file in record.path.iterdir():
                if not file.name.startswith("."):
                    shutil.copy2(file, partial / file.name)
            _put(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def recompute(self, record: Record, metrics: dict[str, Any], curves: pd.DataFrame, source: str) -> Record:
        """Replace a stored run's metrics and curves, made by newer code from its predictions."""
        content = _read_json(record.path / "record.json") | {"metrics": metrics, "metrics_source": source}
        partial = _fresh(record.path)
        _write_csv(partial / "curves.csv", curves)
        _write_json(partial / "record.json", content)
        for file in record.path.iterdir():
            if not (partial / file.name).exists() and file.name != checksums.NAME:
                os.link(file, partial / file.name)
        digests = {path.name: checksums.digest(path) for path in (partial / "curves.csv", partial / "record.json")}
        checksums.write_lines(partial / checksums.NAME, checksums.read(record.path) | digests)
        _put(partial, record.path)
        return self.read(record.path)

    def scan(self) -> tuple[list[Record], list[str]]:
        """Return all runs, and a line for each folder that is none; such folders are left alone."""
        records, problems = [], []
        for folder in self._leaves(self.root):
            if folder.name.startswith(REPLACED):
                target = folder.with_name(folder.name.removeprefix(REPLACED))
                listed = target.is_dir()
                _recover(target)
                if listed:
                    continue
                folder = target
            if folder.name.startswith(PARTIAL):
                problems.append(f"{folder} is left over from a run that was cut off; it is ignored")
                continue
            try:
                records.append(self.read(folder))
            except StoreError as error:
                problems.append(f"{error}; it is left alone and not in the tables")
        return records, problems

    def _leaves(self, folder: Path) -> Iterator[Path]:
        """Yield the folders that hold files or nothing, depth first, in order of their names."""
        if not folder.is_dir():
            return
        folders = sorted(path for path in folder.iterdir() if path.is_dir())
        files = [path for path in folder.iterdir() if not path.is_dir()]
        traces = [path for path in files if path.name.endswith(".error.txt")]
        if folder != self.root and (len(files) > len(traces) or not (folders or files)):
            yield folder
        for child in folders:
            if not child.name.startswith(PROGRESS):
                yield from self._leaves(child)


def _fresh(target: Path) -> Path:
    """Return an empty folder beside a run's place."""
    partial = target.with_name(f"{PARTIAL}{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def _put(partial: Path, target: Path) -> None:
    """Move a written folder to its place, safely on disk; at every moment there is the old or the new one."""
    for path in (*partial.iterdir(), partial):
        _sync(path)
    _recover(target)
    replaced = target.with_name(f"{REPLACED}{target.name}")
    if target.exists():
        target.rename(replaced)
    partial.rename(target)
    _sync(target.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def _recover(target: Path) -> None:
    """Finish or undo a replacement that was cut off."""
    replaced = target.with_name(f"{REPLACED}{target.name}")
    if replaced.is_dir() and target.is_dir():
        shutil.rmtree(replaced)
    elif replaced.is_dir():
        replaced.rename(target)


def predictions_frame(predictions: Predictions, **columns: np.ndarray) -> pd.DataFrame:
    """Return predictions as a table: label columns, `uncertainty`, `logit_0` …, `feature_0` …."""
    frame = {**columns, "uncertainty": predictions.uncertainty}
    frame |= {f"logit_{k}": column for k, column in enumerate(predictions.logits.T)}
    if predictions.features is not None:
        frame |= {f"feature_{k}": column for k, column in enumerate(predictions.features.T)}
    return pd.DataFrame(frame)


def read_predictions(folder: Path, part: Literal["test", "train"]) -> tuple[Predictions, pd.DataFrame]:
    """Return a run's stored predictions, and the table's label columns.

    Raises:
        FileNotFoundError: they are not here.
        ValueError: their file is not as it was written.
    """
    checksums.check(folder, [f"{part}.parquet"])
    frame = pd.read_parquet(folder / f"{part}.parquet")
    logits = frame.filter(regex=r"^logit_\d+$")
    features = frame.filter(regex=r"^feature_\d+$")
    labels = frame.drop(columns=[*logits, *features, "uncertainty"])
    found = features.to_numpy() if len(features.columns) else None
    return Predictions(logits.to_numpy(copy=True), frame["uncertainty"].to_numpy(), found), labels


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    one_row = re.sub(r"\[[-+\d.,e\s]*\]", lambda row: " ".join(row.group().split()), text)
    path.write_text(one_row + "\n", encoding="utf-8")


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


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    path.write_text(_csv(frame), encoding="utf-8")


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.6g")


def _read_csv(path: Path, first: str) -> pd.DataFrame:
    frame = pd.read_csv(path)
    if frame.columns[0] != first or frame.empty:
        raise ValueError(f"{path.name} has no rows under a column {first}")
    return frame


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
