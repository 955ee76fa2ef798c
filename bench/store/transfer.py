"""Moving runs between results folders: packed for the way, and merged where they arrive."""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import BenchError, UsageError, one_line
from bench.files import checksums
from bench.files.atomic import replace_file
from bench.store.file_sources import RECORD_FILES, Held, RunFiles, read_checked
from bench.store.first_format import is_first, upgraded
from bench.store.pack_files import contents, write_pack
from bench.store.record import Record, StoreError
from bench.store.store import Store, lacking, read_all
from bench.store.studies import add_studies, read_studies
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
    searches: int = 0  # of `bench tune`, that were not here


def merge(store: Store, other: Path) -> Merged:
    """Copy the runs of another results folder, or of a pack, into a store.

    Those of version 0.1 are brought over. Searches of `bench tune` come along.

    A run that is here already must have had the same outcome there: the same labels, log and
    predictions; what predictions it lacks here are taken over.

    Raises:
        UsageError: there is no such folder or pack, or the store itself is of version 0.1.
    """
    store.check_format()
    runs = _runs_of(other)
    merged = Merged()
    records, merged.problems = read_all(runs, brought_over)
    if other.is_file():
        merged.problems += contents(other).problems
    arriving: dict[Path, Record] = {}
    for record in records:
        target = store.path(record.spec)
        if target in arriving or len(arriving) == TOGETHER:
            _add(store, arriving, merged)
        try:
            store.check_place(record)
            if store.has(record.spec):
                _compare(store, store.read(record.spec), record, other, merged)
            else:
                arriving[target] = record
        except (StoreError, OSError) as error:
            merged.problems.append(one_line(error))
    _add(store, arriving, merged)
    merged.searches, unread = add_studies(store.results, other)
    merged.problems += unread
    return merged


def _runs_of(other: Path) -> Iterable[RunFiles]:
    """Return the runs of a results folder or of a pack.

    Raises:
        UsageError: it is neither.
    """
    if other.is_file():
        return contents(other).runs.values()
    if not Store(other).exists():
        raise UsageError(f"{other}: must be a results folder with runs in it, or a file that `bench pack` wrote")
    return Store(other).runs_of_any_version()


def brought_over(run: RunFiles) -> RunFiles:
    """Return a run's files, those of version 0.1 in today's format.

    Raises:
        StoreError: they cannot be brought over.
    """
    try:
        if "spec.json" not in run.names() or not is_first(run.read("spec.json")):
            return run
        files = upgraded(read_checked(run, RECORD_FILES))
        digests = checksums.read(run.read(checksums.NAME)) | checksums.of(files)
    except (BenchError, OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{run} cannot be brought over: {one_line(error)}") from None
    return Held(run.path, files | {checksums.NAME: checksums.written(digests)}, rest=run)


def _add(store: Store, arriving: dict[Path, Record], merged: Merged) -> None:
    with ExitStack() as locks:
        free = [record for record in arriving.values() if _locked(store, record, locks, merged)]
        errors = store.add_all(free)
    merged.added += len(free) - len(errors)
    merged.problems += map(one_line, errors)
    arriving.clear()


def _locked(store: Store, record: Record, locks: ExitStack, merged: Merged) -> bool:
    """Lock the place of a run that arrives; if it is not free, say so."""
    under_way = UnderWay.take(store.path(record.spec))
    if under_way is None:
        merged.problems.append(f"{record.spec.title} is being run here; merge again when it is done")
        return False
    locks.callback(lambda: under_way.release(done=store.has(record.spec)))
    if store.has(record.spec):
        merged.problems.append(f"{record.spec.title} was finished here in this moment; merge again to compare")
        return False
    return True


def _compare(store: Store, ours: Record, record: Record, other: Path, merged: Merged) -> None:
    if ours.outcome == record.outcome:
        merged.same += 1
        if ours.path.is_dir() and lacking(ours, record):  # a pack is not added to
            _complete(store, ours, record)
            merged.completed += 1
        return
    there, here = (f"{100 * each.metrics.accuracy:.2f} %" for each in (record, ours))
    merged.refused.append(
        f"{record.spec.title} has another outcome in {other}: accuracy {there} there, {here} in {ours.files}"
    )


def _complete(store: Store, ours: Record, record: Record) -> None:
    under_way = UnderWay.take(ours.path)
    if under_way is None:
        raise StoreError(f"{ours.path} is being written by another program; merge again when it is done")
    with under_way:
        store.add_predictions(ours, record)


def pack(store: Store, target: Path, predictions: bool, weights: bool = False) -> tuple[int, list[str]]:
    """Write all finished runs to a pack; return how many, and a line for each unreadable folder.

    Searches of `bench tune` go along.

    Args:
        store: where they are; its own pack may be the target.
        target: the archive's file.
        predictions: whether to take those of the test set along, which pictures of samples need.
        weights: whether to take trained weights along, where they were kept.

    Raises:
        UsageError: there is no finished run, a folder is in the archive's place, or the store is of
            version 0.1.
    """
    if target.is_dir():
        raise UsageError(f"{target}: is a folder; name a file, such as {target / 'runs.tar.gz'}")
    if os.path.lexists(target) and (target.is_symlink() or not target.is_file()):
        raise UsageError(f"{target}: is no regular file; name a new file, or one that may be replaced")
    records, problems = store.scan()
    if not records:
        raise UsageError(f"{store.results} holds no finished run")
    studies, unread = read_studies(store.results)
    searches = {f"{study.name}.json": study.text.encode() for study in studies}
    with replace_file(target) as file:
        write_pack(file, (record.files for record in records), store.root, predictions, weights, searches)
    return len(records), problems + unread
