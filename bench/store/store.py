"""Results on disk: one folder per run, written as a whole or not at all, by who holds the run's claim.

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
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bench.files import atomic_folders as folders
from bench.files import checksums
from bench.files.atomic import replacing
from bench.files.atomic_folders import PARTIAL, Move
from bench.spec import RunSpec
from bench.store import unfinished as under_way
from bench.store.cache import Index, Stamp
from bench.store.prediction_files import PREDICTIONS
from bench.store.record import RECORD_FILES, Record, StoreError, checked, record_of


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


class Store:
    """The runs below a results folder."""

    def __init__(self, results: Path) -> None:
        self.root = results / "runs"
        self.asked = self.root / ".asked.json"  # what runs were asked for
        self.index = self.root / ".index.sqlite"  # a cache of what is read most

    def path(self, spec: RunSpec) -> Path:
        """Return the folder of a run."""
        return self.root / spec.folder

    def has(self, spec: RunSpec) -> bool:
        """Return whether a run's folder is there; a run that is not finished has none."""
        return folders.find(self.path(spec)) is not None

    def check_place(self, record: Record) -> None:
        """Check that a run of another store, whose names may be anything, has its place in this one.

        Raises:
            StoreError: it has not.
        """
        if not self.path(record.spec).resolve().is_relative_to(self.root.resolve()):
            raise StoreError(f"{record.path} names a place outside the store: {record.spec.folder}")

    def check(self, spec: RunSpec) -> None:
        """Check that a run that is there can be read.

        Raises:
            StoreError: its folder is damaged, or holds another run.
        """
        try:
            is_it = self.read(self.path(spec)).spec.identity == spec.identity
        except StoreError as error:
            raise StoreError(f"{error}; move the folder away to run it again") from None
        if not is_it:
            raise StoreError(f"{self.path(spec)} holds another run; move it away, or pass --force to run over it")

    def save(self, outcome: Outcome) -> None:
        """Write a run beside its place and move it there in one step: a reader sees all of it or nothing."""
        with folders.replacing(self.path(outcome.spec)) as folder:
            _write_json(folder / "spec.json", outcome.spec.model_dump(mode="json"))
            _write_json(folder / "manifest.json", outcome.manifest)
            _write_csv(folder / "epochs.csv", outcome.epochs)
            _write_csv(folder / "curves.csv", outcome.curves)
            outcome.test.to_parquet(folder / "test.parquet", index=False)
            outcome.train.to_parquet(folder / "train.parquet", index=False)
            _write_json(folder / "record.json", outcome.record | {"outcome": outcome.digest})
            checksums.write(folder)
        self.failure(outcome.spec).unlink(missing_ok=True)

    def failure(self, spec: RunSpec) -> Path:
        """Return the file that says why a run failed."""
        return self.path(spec).with_suffix(".error.txt")

    def save_failure(self, spec: RunSpec, reason: str, trace: str = "") -> None:
        """Write down why a run failed, beside the place of its results."""
        path = self.failure(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{reason}\n{trace}", encoding="utf-8")

    def read(self, place: Path) -> Record:
        """Read one run's record.

        Raises:
            StoreError: the folder is not a run, or its files do not fit together.
        """
        return _again(place, lambda folder: record_of(folder, checked(folder)))

    @contextmanager
    def reading(self, keep: bool = True) -> Iterator[Callable[[Path], Record]]:
        """Yield a function that reads runs as `read` does, from the index where their files are as they were.

        Args:
            keep: whether to write down what was read, for the next time.
        """
        with closing(Index(self.index, keep)) as index:
            yield lambda place: _again(place, lambda folder: self._recall(folder, index))

    def _recall(self, folder: Path, index: Index) -> Record:
        stamp = Stamp.of(folder / name for name in (*RECORD_FILES, checksums.NAME))
        place = folder.relative_to(self.root)
        if stamp and (known := index.get(place, stamp)):
            return record_of(folder, known)
        content = checked(folder)
        record = record_of(folder, content)
        if stamp:
            index.put(place, stamp, content)
        return record

    def add(self, record: Record) -> None:
        """Copy a run of another store, with what predictions it has, to its place."""
        for error in self.add_all([record]):
            raise error

    def add_all(self, records: Iterable[Record]) -> list[StoreError | OSError]:
        """Copy different runs as `add` does, many at a time; return the errors of those that could not be."""
        moves, errors = list[Move](), list[StoreError | OSError]()
        try:
            for record in records:
                try:
                    moves.append((self._copy(record), self.path(record.spec)))
                except (StoreError, OSError) as error:
                    errors.append(error)
            return errors + folders.put_all(moves)
        finally:
            for partial, _ in moves:
                shutil.rmtree(partial, ignore_errors=True)

    def _copy(self, record: Record) -> Path:
        """Return a copy of a run beside its place."""
        partial = folders.fresh(self.path(record.spec))
        try:
            for file in record.path.iterdir():
                if not file.name.startswith("."):
                    shutil.copy2(file, partial / file.name)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return partial

    def add_predictions(self, record: Record, other: Record) -> None:
        """Copy the predictions that a run here lacks from the same run of another store.

        Raises:
            StoreError: they are not those that the run here was written with.
        """
        digests = checksums.read(record.path)
        for name in lacking(record, other):
            content = (other.path / name).read_bytes()
            if hashlib.sha256(content).hexdigest() != digests.get(name):
                raise StoreError(f"{other.path / name} is not the one that {record.path / checksums.NAME} names")
            with replacing(record.path / name) as file:
                file.write(content)

    def recompute(self, record: Record, metrics: dict[str, Any], curves: pd.DataFrame, source: str) -> Record:
        """Replace a stored run's metrics and curves, made by newer code from its predictions."""
        content = _read_json(record.path / "record.json") | {"metrics": metrics, "metrics_source": source}
        with folders.replacing(record.path) as folder:
            _write_csv(folder / "curves.csv", curves)
            _write_json(folder / "record.json", content)
            for file in record.path.iterdir():
                if not (folder / file.name).exists() and file.name != checksums.NAME:
                    os.link(file, folder / file.name)
            digests = {name: checksums.digest(folder / name) for name in ("curves.csv", "record.json")}
            checksums.write_lines(folder / checksums.NAME, checksums.read(record.path) | digests)
        return self.read(record.path)

    def scan(self, keep: bool = True) -> tuple[list[Record], list[str]]:
        """Return all runs, and a line for each folder that is none; such folders are left alone.

        Args:
            keep: whether to write down what was read, so that the next scan is faster.
        """
        records, problems = [], []
        with closing(Index(self.index, keep)) as index:
            for folder in self._runs():
                if folder.name.startswith(PARTIAL):
                    problems.append(f"{folder} is left over from a run that was cut off; it is ignored")
                    continue
                try:
                    records.append(_again(folder, lambda found: self._recall(found, index)))
                except StoreError as error:
                    problems.append(f"{error}; it is left alone and not in the tables")
            index.keep_only(record.path.relative_to(self.root) for record in records)
        return records, problems

    def _runs(self) -> Iterable[Path]:
        """Return the places of what may be runs."""
        return dict.fromkeys(folders.place_of(folder) for folder in _leaves(self.root))


def lacking(record: Record, other: Record) -> list[str]:
    """Return the files of predictions that a run lacks and the same run of another store has."""
    return [name for name in PREDICTIONS if not (record.path / name).exists() and (other.path / name).exists()]


def _again(place: Path, read: Callable[[Path], Record]) -> Record:
    """Read the run of a place, twice if another program puts a new one there in this moment."""
    folder = folders.find(place) or place
    before = _inode(folder)
    try:
        return read(folder)
    except StoreError:
        folder = folders.find(place) or place
        if _inode(folder) == before:
            raise
        return read(folder)


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except OSError:
        return None


def _leaves(folder: Path, is_root: bool = True) -> Iterator[Path]:
    """Yield the folders that hold files or nothing, depth first, in order of their names."""
    try:
        with os.scandir(folder) as entries:
            kinds = {entry.name: entry.is_dir() for entry in entries}
    except FileNotFoundError:  # moved to its place by another program in this moment
        return
    within = sorted(name for name, is_folder in kinds.items() if is_folder)
    files = [name for name, is_folder in kinds.items() if not is_folder]
    traces = [name for name in files if name.endswith(".error.txt")]
    if not is_root and (len(files) > len(traces) or not kinds):
        yield folder
    for name in within:
        if not name.startswith(under_way.PREFIX):
            yield from _leaves(folder / name, is_root=False)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    one_row = re.sub(r"\[[-+\d.,e\s]*\]", lambda row: " ".join(row.group().split()), text)
    path.write_text(one_row + "\n", encoding="utf-8")


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    path.write_text(_csv(frame), encoding="utf-8")


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.6g")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
