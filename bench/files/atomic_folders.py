"""Folders that take their place as a whole: a reader sees the old one or the new one, after a power cut too.

One program at a time may write to a place; who may is told by claims. Any number may read.
"""

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.files.atomic import sync

PARTIAL = ".partial-"
REPLACED = ".replaced-"  # a run's folder for the moment in which a new one takes its place

Move = tuple[Path, Path]  # a written folder, and its place


def fresh(target: Path) -> Path:
    """Return an empty folder beside a place."""
    partial = target.with_name(f"{PARTIAL}{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield an empty folder that takes a place in one step, safely on disk, once all of it is written."""
    partial = fresh(target)
    try:
        yield partial
        for error in _put([(partial, target)], written=False):
            raise error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def put_all(moves: list[Move]) -> list[OSError]:
    """Move many written folders to their places, safely on disk; return the errors of those that could not be.

    As with `replacing`, each is on disk before it takes its place; where the system can write them out
    together, that saves most of the time.
    """
    return _put(moves, written=_write_out(moves[0][0])) if moves else []


def find(target: Path) -> Path | None:
    """Return where the folder of a place is, None if there is none: beside it while a new one takes the place."""
    candidates = (target, _replaced(target), target)  # the new one is there before the old one is gone
    return next((path for path in candidates if path.is_dir()), None)


def place_of(folder: Path) -> Path:
    """Return the place of a folder, which lies there or beside it."""
    return folder.with_name(folder.name.removeprefix(REPLACED))


def recover(target: Path) -> None:
    """Finish or undo a replacement that was cut off; for who may write to the place."""
    replaced = _replaced(target)
    if replaced.is_dir() and target.is_dir():
        shutil.rmtree(replaced)
    elif replaced.is_dir():
        replaced.rename(target)


def _put(moves: list[Move], written: bool) -> list[OSError]:
    errors, moved = list[OSError](), list[Path]()
    for partial, target in moves:
        try:
            for path in () if written else (*partial.iterdir(), partial):
                sync(path)
            _rename(partial, target)
            moved.append(target)
        except OSError as error:
            errors.append(error)
    for parent in dict.fromkeys(target.parent for target in moved):
        sync(parent)
    for target in moved:
        shutil.rmtree(_replaced(target), ignore_errors=True)
    return errors


def _rename(partial: Path, target: Path) -> None:
    recover(target)
    if target.exists():
        target.rename(_replaced(target))
    partial.rename(target)


def _replaced(target: Path) -> Path:
    return target.with_name(f"{REPLACED}{target.name}")


def _write_out(path: Path) -> bool:
    """Have all of a path's file system written out, which on Linux is as good as syncing each of its files.

    Returns:
        Whether that was done: other systems cannot, and an error is to be found file by file.
    """
    syncfs = getattr(ctypes.CDLL(None), "syncfs", None)
    if syncfs is None:
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return bool(syncfs(descriptor) == 0)
    finally:
        os.close(descriptor)
