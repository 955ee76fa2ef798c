"""Files and folders that are there as a whole or not at all, after a power cut too."""

import errno
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from bench.files import locks

PARTIAL = ".partial-"  # begins the name of a folder that is being written, beside its place
REPLACED = ".replaced-"  # begins the name of a folder that gives its place to a new one
ENDING = ".partial"  # of a file that is being written
# Errors that the system may raise in the middle of a file, without its name.
DISK_ERRORS = {errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}

Move = tuple[Path, Path]  # a written folder, and its place


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add a path to an error of the disk that names none, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in DISK_ERRORS:
            error.filename = str(path)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file in place; its errors name it.

    Raises:
        OSError: it cannot be written.
    """
    with naming(path):
        path.write_text(text, encoding="utf-8")


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes a path's place in one step once all of it is written and on disk.

    Several programs may do so at once: the last to end wins. Until then the file has a hidden name
    of its own, under which it stays only if its program is killed.

    Raises:
        OSError: it cannot be written; the error names the path.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not by `tempfile`, whose files nobody else may read, even once they are in place.
        partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}{ENDING}")
        try:
            with _opened(partial) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        sync(path.parent)


@contextmanager
def _opened(partial: Path) -> Iterator[BinaryIO]:
    """Open a new file that is locked before it has its name, so that nobody takes it for stale."""
    unlocked = partial.with_suffix(".new")
    try:
        with unlocked.open("xb") as file:
            locks.mark(file.fileno())
            unlocked.rename(partial)
            yield file
    except BaseException:
        unlocked.unlink(missing_ok=True)
        raise


def clear_partials(folder: Path, name: str = "*") -> None:
    """Remove what killed programs left of files that `replace_file` was to write in a folder.

    Args:
        folder: where the files were to be.
        name: of the file, or `*` for all.
    """
    pattern = name if name == "*" else glob.escape(name)
    for path in folder.glob(f".{pattern}.{'[0-9a-f]' * 16}{ENDING}"):
        with suppress(OSError):
            if not locks.is_held(path):
                path.unlink()


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Yield an empty folder that moves to its place in one step once it is written and on disk.

    Raises:
        OSError: it cannot be written; the error names the place.
    """
    with naming(place):
        partial = empty_beside(place)
        try:
            yield partial
            for error in move_all([(partial, place)]):
                raise error
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def renewed_folder(place: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of an older one, of which it keeps what it lacks.

    The caller must hold a lock that guards the place.

    Raises:
        OSError: it cannot be written; the error names the place.
    """
    put_back(place)
    with new_folder(place) as folder:
        yield folder
        for path in place.iterdir() if place.is_dir() else ():
            kept = folder / path.name
            if not kept.exists():  # a user's own: what programs write is all written anew
                copy = shutil.copytree if path.is_dir() else shutil.copy2
                copy(path, kept)


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
    together = len(moves) > 1 and hasattr(os, "sync")
    if together:
        os.sync()
    for partial, place in moves:
        try:
            for path in () if together else (*partial.iterdir(), partial):
                sync(path)
            _move(partial, place)
            parents[place.parent] = None
        except OSError as error:
            errors.append(error)
    for parent in parents:
        sync(parent)
    return errors


def _move(partial: Path, place: Path) -> None:
    # A place is taken only where a finished run is run again on purpose (`--force`). As no folder
    # can be renamed onto another, the old one steps aside; `put_back` undoes it if all ends there.
    aside = _aside(place)
    if place.exists():
        place.rename(aside)
    try:
        partial.rename(place)
    finally:
        put_back(place, aside)


def _aside(place: Path) -> Path:
    """Return a free name for a folder that steps aside: another user's may be there for good."""
    aside = place.with_name(f"{REPLACED}{place.name}")
    if place.exists() and aside.exists():
        shutil.rmtree(aside, ignore_errors=True)
        return aside.with_name(f"{aside.name}~{secrets.token_hex(4)}") if aside.exists() else aside
    return aside


def put_back(place: Path, aside: Path | None = None) -> None:
    """Give a folder that stepped aside its place again, or remove it if a new one has that.

    Args:
        place: of the folder.
        aside: where it may be now; None for the usual name.
    """
    aside = aside or place.with_name(f"{REPLACED}{place.name}")
    if aside.is_dir() and not place.exists():
        aside.rename(place)
    elif aside.is_dir():
        shutil.rmtree(aside, ignore_errors=True)


def sync(path: Path) -> None:
    """Have what was written to a file, or the names in a folder, on disk.

    Systems that open no folders, such as Windows, are trusted with the names.
    """
    with naming(path):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except PermissionError:
            if os.name == "nt" and path.is_dir():
                return
            raise
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
