"""Results on disk: one folder per run, written once, as a whole, by the holder of the run's lock.

Two things change a run's folder later: `--force` replaces it by that of a new run, and a merge adds
the files of predictions or weights that it lacks, if they are those that its checksums name.

runs/mnist/rul/symmetric-0.3/seed0-1f3a9c04/
    spec.json      what was run; its hash is the run's identity
    manifest.json  what was done to the labels
    epochs.csv     the log, one row per epoch
    curves.csv     accuracy after rejecting 0 … 99 %, one column per score
    record.json    metrics, environment, cost
    test.parquet   logits, uncertainty, features and labels of the evaluated set
    train.parquet  logits, uncertainty and the three label vectors of the training set
    sources.json   source of its plugins as text, unless they are the harness's own
    weights.safetensors  trained weights, if they were to be kept
    SHA256SUMS     of all these, so that torn and edited files are noticed and not used

runs.tar.gz beside it, or in its place, is a pack of such folders and is read as they are.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from bench.errors import UsageError
from bench.files import checksums
from bench.files.atomic import (
    PARTIAL,
    Move,
    empty_beside,
    move_all,
    naming,
    new_folder,
    replace_file,
    write_text,
)
from bench.spec import StoredSpec
from bench.store import pack_files, unfinished
from bench.store.file_sources import PREDICTIONS, WEIGHTS, Folder, RunFiles
from bench.store.first_format import is_first
from bench.store.outcome import Outcome
from bench.store.pack_files import PackedRun, contents
from bench.store.record import Record, StoreError, read_record

Prepare = Callable[[RunFiles], RunFiles]


class Store:
    """The runs of a results folder.

    Args:
        results: the folder, which holds `runs/`, a pack of runs, or both.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self.root = results / "runs"
        self.pack = results / pack_files.NAME
        self.recomputed = results / ".recomputed"  # metrics of newer code, by the run's identity

    @property
    def asked(self) -> Path:
        """The file that names the runs that were asked for.

        Raises:
            UsageError: the store is of version 0.1, whose file has another form.
        """
        self.check_format()
        return self.root / ".asked.json"

    def exists(self) -> bool:
        """Return whether there is a place of runs at all."""
        return self.root.is_dir() or self.pack.is_file()

    def path(self, spec: StoredSpec) -> Path:
        """Return the folder of a run."""
        return self.root / spec.folder

    def has(self, spec: StoredSpec) -> bool:
        """Return whether a finished run is there, in its folder or packed."""
        return self.path(spec).is_dir() or PurePosixPath(spec.folder) in self._packed()

    def files(self, spec: StoredSpec) -> RunFiles:
        """Return the files of a run: those in its folder if there is one, else in the pack."""
        place = self.path(spec)
        return Folder(place) if place.is_dir() else self._packed().get(PurePosixPath(spec.folder), Folder(place))

    def check_place(self, record: Record) -> None:
        """Check that a run of another store, with whatever names, has its place in this one.

        Raises:
            StoreError: it has not.
        """
        if not self.path(record.spec).resolve().is_relative_to(self.root.resolve()):
            raise StoreError(f"{record.files} names a place outside the store: {record.spec.folder}")

    def check(self, spec: StoredSpec) -> None:
        """Check that a run that is there can be read.

        Raises:
            StoreError: its files are damaged, or those of another run.
        """
        try:
            is_it = self.read(spec).spec.identity == spec.identity
        except StoreError as error:
            raise StoreError(f"{error}; pass --force to run it again") from None
        if not is_it:
            raise StoreError(f"{self.files(spec)} holds another run; pass --force to have this one in its place")

    def check_format(self) -> None:
        """Check that the first run found is not of version 0.1, whose identities are others.

        Raises:
            UsageError: it is.
        """
        if is_first(next(filter(None, map(_spec_in, self.runs_of_any_version())), b"")):
            raise UsageError(
                f"{self.results} holds runs of version 0.1, which this version does not read; "
                f"`bench merge {self.results} --results NEW` brings them over into a folder NEW"
            )

    def read(self, spec: StoredSpec) -> Record:
        """Read one run's record.

        Raises:
            StoreError: it is not a run, or its files do not fit together.
        """
        return read_record(self.files(spec))

    def save(self, outcome: Outcome) -> None:
        """Write a run beside its place and move it there in one step: it is whole or absent."""
        with new_folder(self.path(outcome.spec)) as folder:
            for name, content in outcome.files().items():
                (folder / name).write_bytes(content)
        self.failure(outcome.spec).unlink(missing_ok=True)

    def failure(self, spec: StoredSpec) -> Path:
        """Return the file that says why a run failed."""
        return self.path(spec).with_suffix(".error.txt")

    def save_failure(self, spec: StoredSpec, reason: str, trace: str = "") -> None:
        """Write down why a run failed, beside the place of its results."""
        path = self.failure(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, f"{reason}\n{trace}")

    def add(self, record: Record) -> None:
        """Write a run that is stored elsewhere, with what predictions it has, to its place.

        Raises:
            StoreError, OSError: that cannot be done.
        """
        for error in self.add_all([record]):
            raise error

    def add_all(self, records: Iterable[Record]) -> list[Exception]:
        """Write different runs as `add` does, many at a time; return the errors of failed ones."""
        moves, errors = list[Move](), list[Exception]()
        try:
            for record in records:
                place = self.path(record.spec)
                try:
                    moves.append((_written_beside(place, record.files), place))
                except (OSError, ValueError) as error:
                    errors.append(error)
            return errors + move_all(moves)
        finally:
            for partial, _ in moves:
                shutil.rmtree(partial, ignore_errors=True)

    def add_predictions(self, record: Record, other: Record) -> None:
        """Copy the predictions that a run's folder lacks from the same run of another store.

        Raises:
            StoreError: they are not those that the run here was written with.
        """
        digests = checksums.read(record.files.read(checksums.NAME))
        for name in lacking(record, other):
            content = other.files.read(name)
            try:
                checksums.check(name, content, digests)
            except ValueError:
                said = f"{name} of {other.files} is not the one that {checksums.NAME} of {record.files} names"
                raise StoreError(said) from None
            with replace_file(record.path / name) as file:
                file.write(content)

    def scan(self) -> tuple[list[Record], list[str]]:
        """Return all runs, and a line for each folder that is none; such folders are left alone.

        Raises:
            UsageError: the store is of version 0.1, or its pack is damaged.
        """
        records, problems = read_all(self.runs())
        return records, problems + (contents(self.pack).problems if self.pack.is_file() else [])

    def runs(self) -> Iterator[RunFiles]:
        """Return what may be runs: folders first, then those of the pack.

        Raises:
            UsageError: the store is of version 0.1, or its pack is damaged.
        """
        self.check_format()
        return self.runs_of_any_version()

    def runs_of_any_version(self) -> Iterator[RunFiles]:
        """Yield what may be runs, those of version 0.1 too, which only a merge can read."""
        yield from map(Folder, _leaves(self.root))
        yield from self._packed().values()

    def _packed(self) -> dict[PurePosixPath, PackedRun]:
        return contents(self.pack).runs if self.pack.is_file() else {}


def read_all(runs: Iterable[RunFiles], prepare: Prepare | None = None) -> tuple[list[Record], list[str]]:
    """Return the records of runs, each once, and a line for each that cannot be read.

    Args:
        runs: those in folders first.
        prepare: what is done to a run's files before they are read.
    """
    records, problems, known = list[Record](), list[str](), set[str]()
    for run in runs:
        if run.path.name.startswith(PARTIAL):
            problems.append(f"{run} is left over from a run that was cut off; it is ignored")
            continue
        try:
            record = read_record(prepare(run) if prepare else run)
        except StoreError as error:
            problems.append(f"{error}; it is left alone and not in the tables")
            continue
        if isinstance(run, Folder) or record.spec.identity not in known:
            records.append(record)
        known.add(record.spec.identity)
    return sorted(records, key=lambda record: record.path.parts), problems


def lacking(record: Record, other: Record) -> list[str]:
    """Return the files of predictions that a run lacks and the same run of another store has.

    Weights, too, if the run was written with them.
    """
    here, there = record.files.names(), other.files.names()
    wanted = [name for name in (*PREDICTIONS, WEIGHTS) if name in there and name not in here]
    if WEIGHTS in wanted and WEIGHTS not in checksums.read(record.files.read(checksums.NAME)):
        wanted.remove(WEIGHTS)
    return wanted


def _spec_in(run: RunFiles) -> bytes:
    try:
        return run.read("spec.json")
    except (OSError, ValueError, UsageError):
        return b""


def _written_beside(place: Path, files: RunFiles) -> Path:
    """Write files to a folder beside their place, or leave nothing there."""
    with naming(place):
        folder = empty_beside(place)
        try:
            for name in files.names():
                (folder / name).write_bytes(files.read(name))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return folder


def _leaves(folder: Path, is_root: bool = True) -> Iterator[Path]:
    """Yield the folders that hold files or nothing, depth first, in order of their names.

    Hidden files, as systems and editors leave them, do not count; a link to a folder above is not
    followed.
    """
    try:
        with os.scandir(folder) as entries:
            kinds = {entry.name: _is_folder(entry) for entry in entries}
    except FileNotFoundError:  # moved to its place by another program in this moment
        return
    within = sorted(name for name, is_folder in kinds.items() if is_folder)
    files = [name for name, is_folder in kinds.items() if not is_folder and not name.startswith(".")]
    traces = [name for name in files if name.endswith(".error.txt")]
    if not is_root and (len(files) > len(traces) or not kinds):
        yield folder
    for name in within:
        if not name.startswith(unfinished.PREFIX):
            yield from _leaves(folder / name, is_root=False)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        leads_back = entry.is_symlink() and Path(entry.path).is_relative_to(Path(entry.path).resolve())
        return entry.is_dir() and not leads_back
    except (OSError, RuntimeError):  # a loop of links
        return False
