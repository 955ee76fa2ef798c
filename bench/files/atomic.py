"""Files and folders that are there as a whole or not at all, after a power cut too."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial-"  # begins the name of a folder that is being written, beside its place

Move = tuple[Path, Path]  # a written folder, and its place


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes a path's place in one step once all of it is written and on disk.

    Several programs may do so at once: the last to end wins. Until then the file has a hidden name
    of its own, under which it stays only if its program is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by `tempfile`, whose files nobody else may read, even once they are in place.
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Yield an empty folder that moves to its place in one step once it is written and on disk."""
    partial = empty_beside(place)
    try:
        yield partial
        for error in move_all([(partial, place)]):
            raise error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def empty_beside(place: Path) -> Path:
    """Return an empty folder beside a place, to be written and then moved there."""
    partial = place.with_name(f"{PARTIAL}{place.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def move_all(moves: list[Move]) -> list[OSError]:
    """Move written folders to their places; return the errors of those that could not be moved.

    All are on disk before the first moves. One `os.sync` for many folders takes a small part of
    the time of an fsync for each of their files.
    """
    errors, parents = list[OSError](), dict[Path, None]()
    if len(moves) > 1:
        os.sync()
    for partial, place in moves:
        try:
            for path in (*partial.iterdir(), partial) if len(moves) == 1 else ():
                sync(path)
            _move(partial, place)
            parents[place.parent] = None
        except OSError as error:
            errors.append(error)
    for parent in parents:
        sync(parent)
    return errors


def _move(partial: Path, place: Path) -> None:
    # A place is taken only where a finished run is run again on purpose (`--force`). Its old folder
    # goes just before, as none can be renamed onto another: a power cut in between costs that run.
    if place.exists():
        shutil.rmtree(place)
    partial.rename(place)


def sync(path: Path) -> None:
    """Have what was written to a file, or the names in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
