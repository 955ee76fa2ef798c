"""Moving runs between results folders: packed for the way, and merged where they arrive."""

import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import UsageError, one_line
from bench.files.atomic import replacing
from bench.files.checksums import NAME as SUMS
from bench.store.record import RECORD_FILES, Record, StoreError
from bench.store.store import Store, lacking
from bench.store.unfinished import UnderWay

TOGETHER = 100  # runs that are copied before they are written out; a power cut costs no more than these


@dataclass
class Merged:
    """What became of the runs of another folder."""

    added: int = 0
    same: int = 0  # here already, with the same outcome
    completed: int = 0  # of these, here without predictions that the other folder had
    refused: list[str] = field(default_factory=list)  # a line for each that is here with another outcome
    problems: list[str] = field(default_factory=list)  # a line for each folder that cannot be read


def merge(store: Store, other: Path) -> Merged:
    """Copy the runs of another results folder, or of a packed one, into a store.

    A run that is here already must have had the same outcome there: the same labels, log and predictions; what
    predictions it lacks here are taken over.

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
                store.check_place(record)
                if store.has(record.spec):
                    _compare(store, read(target), record, other, merged)
                else:
                    arriving[target] = record
            except (StoreError, OSError) as error:
                merged.problems.append(one_line(error))
        _add(store, arriving, merged)
    return merged


def _add(store: Store, arriving: dict[Path, Record], merged: Merged) -> None:
    with ExitStack() as claims:
        free = [record for record in arriving.values() if _claimed(store, record, claims, merged)]
        errors = store.add_all(free)
    merged.added += len(free) - len(errors)
    merged.problems += map(one_line, errors)
    arriving.clear()


def _claimed(store: Store, record: Record, claims: ExitStack, merged: Merged) -> bool:
    """Claim the place of a run that arrives; if it is not free, say so."""
    under_way = UnderWay.take(store.path(record.spec))
    if under_way is None:
        merged.problems.append(f"{record.spec.title} is being run here; merge again when it is done")
        return False
    claims.callback(lambda: under_way.release(done=store.has(record.spec)))
    if store.has(record.spec):
        merged.problems.append(f"{record.spec.title} was finished here in this moment; merge again to compare")
        return False
    return True


def _compare(store: Store, ours: Record, record: Record, other: Path, merged: Merged) -> None:
    if ours.outcome == record.outcome:
        merged.same += 1
        if lacking(ours, record):
            _complete(store, ours, record)
            merged.completed += 1
        return
    there, here = (f"{100 * each.metrics['accuracy']:.2f} %" for each in (record, ours))
    merged.refused.append(
        f"{record.spec.title} has another outcome in {other}: accuracy {there} there, {here} in {ours.path}"
    )


def _complete(store: Store, ours: Record, record: Record) -> None:
    under_way = UnderWay.take(ours.path)
    if under_way is None:
        raise StoreError(f"{ours.path} is being written by another program; merge again when it is done")
    with under_way:
        store.add_predictions(ours, record)


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
        except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError) as error:
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
    with replacing(target) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for record in records:
            for path in (record.path / name for name in names):
                if path.is_file():
                    archive.add(path, Path("runs") / path.relative_to(store.root))
    return len(records), problems
