"""Moving runs between results folders: packed for the way, and merged where they arrive."""

import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.checksums import NAME as SUMS
from bench.errors import UsageError, one_line
from bench.store import RECORD_FILES, Record, Store, StoreError

TOGETHER = 200  # runs that are copied before they are written out; a power cut costs no more than these


@dataclass
class Merged:
    """What became of the runs of another folder."""

    added: int = 0
    same: int = 0  # here already, with the same outcome
    refused: list[str] = field(default_factory=list)  # a line for each that is here with another outcome
    problems: list[str] = field(default_factory=list)  # a line for each folder that cannot be read


def merge(store: Store, other: Path) -> Merged:
    """Copy the runs of another results folder, or of a packed one, into a store.

    A run that is here already must have had the same outcome there: the same labels, log and predictions.

    Raises:
        UsageError: there is no such folder or pack.
    """
    merged = Merged()
    with unpacked(other) as folder, store.reading() as read:
        records, merged.problems = Store(folder).scan(keep=False)
        arriving: dict[Path, Record] = {}
        for record in records:
            target = store.path(record.spec)
            if target in arriving or len(arriving) == TOGETHER:
                _add(store, arriving, merged)
            try:
                if store.has(record.spec):
                    _compare(read(target), record, other, merged)
                else:
                    arriving[target] = record
            except (StoreError, OSError) as error:
                merged.problems.append(one_line(error))
        _add(store, arriving, merged)
    return merged


def _add(store: Store, arriving: dict[Path, Record], merged: Merged) -> None:
    errors = store.add_all(arriving.values())
    merged.added += len(arriving) - len(errors)
    merged.problems += map(one_line, errors)
    arriving.clear()


def _compare(ours: Record, record: Record, other: Path, merged: Merged) -> None:
    if ours.outcome == record.outcome:
        merged.same += 1
        return
    there, here = (f"{100 * each.metrics['accuracy']:.2f} %" for each in (record, ours))
    merged.refused.append(
        f"{record.spec.title} has another outcome in {other}: accuracy {there} there, {here} in {ours.path}"
    )


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """Yield the results folder that a path is, or that is packed in it.

    Raises:
        UsageError: it is neither.
    """
    if (source / "runs").is_dir():
        yield source
        return
    if not source.is_file():
        raise UsageError(f"{source}: must be a results folder with runs/ in it, or a file that `bench pack` wrote")
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(source) as archive:
                archive.extractall(folder, filter="data")
        except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
            reason = type(error).__name__
            raise UsageError(f"{source} is no file that `bench pack` wrote, or is damaged ({reason})") from None
        yield Path(folder)


def pack(store: Store, target: Path, predictions: bool) -> tuple[int, list[str]]:
    """Write all finished runs to an archive; return how many, and a line for each folder that is none.

    Args:
        store: where they are.
        target: the archive's file.
        predictions: whether to take those of the test set along, which pictures of samples need.

    Raises:
        UsageError: there is no finished run, or a folder in the archive's place.
    """
    if target.is_dir():
        raise UsageError(f"{target}: is a folder; name a file, such as {target / 'runs.tar.gz'}")
    records, problems = store.scan()
    if not records:
        raise UsageError(f"{store.root} holds no finished run")
    names = (*RECORD_FILES, SUMS, *(("test.parquet",) if predictions else ()))
    partial = target.with_name(f".{target.name}.partial")
    try:
        with tarfile.open(partial, "w:gz") as archive:
            for record in records:
                for path in (record.path / name for name in names):
                    if path.is_file():
                        archive.add(path, Path("runs") / path.relative_to(store.root))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return len(records), problems
