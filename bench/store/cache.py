"""What the runs of a store were when they were last checked, so that only those that changed are read again.

An SQLite file, a cache and nothing else: deleted, torn, locked or unwritable, it costs time, never an error or a
result. An entry counts only while the files of its run have the stamp they had, which any write changes, and while
its own digest fits, which tells what a power cut left torn: so nothing is synced.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

RUNS = "runs_1"  # the number is that of what the columns mean
SCHEMA = (
    f"CREATE TABLE {RUNS} (folder BLOB PRIMARY KEY, stamp TEXT, digest BLOB, "
    "spec BLOB, manifest BLOB, record BLOB, epochs BLOB, curves BLOB)"
)
SETTLED = 2.0  # seconds: a younger file may change once more within one tick of the file system's clock
PATIENCE = 1.0  # seconds to wait for another program that writes the index
TOGETHER = 500  # entries written at a time


class Content(NamedTuple):
    """The files of a run that tables and figures need, checked; CSV as `packed_columns` packs it."""

    spec: bytes
    manifest: bytes
    record: bytes
    epochs: bytes
    curves: bytes


class Stamp(NamedTuple):
    """What tells whether files were written since: size, times and inode of each."""

    text: str
    is_settled: bool  # whether a write from now on would change it

    @classmethod
    def of(cls, paths: Iterable[Path]) -> "Stamp | None":
        """Return the stamp of files, or None if one is not there."""
        try:
            files = [path.stat() for path in paths]
        except OSError:
            return None
        text = " ".join(f"{f.st_size}:{f.st_mtime_ns}:{f.st_ctime_ns}:{f.st_ino}" for f in files)
        return cls(text, time.time() - max(f.st_ctime for f in files) > SETTLED)


class Index:
    """The entries of a store, by the folder of the run.

    Args:
        path: of the index; it is made with its first entry.
        writes: whether new entries are kept.
    """

    def __init__(self, path: Path, writes: bool) -> None:
        self.path, self.writes = path, writes
        self.waiting: list[tuple[bytes | str, ...]] = []
        self.connection = self._open() if path.exists() else None

    def get(self, folder: Path, stamp: Stamp) -> Content | None:
        """Return what is known of a run whose files have a stamp."""
        key = os.fsencode(folder)
        query = f"SELECT digest, spec, manifest, record, epochs, curves FROM {RUNS} WHERE folder = ? AND stamp = ?"
        for digest, *parts in self._ask(query, key, stamp.text):
            if all(isinstance(part, bytes) for part in parts) and digest == _digest(key, stamp, parts):
                return Content(*parts)
        return None

    def put(self, folder: Path, stamp: Stamp, content: Content) -> None:
        """Keep what was read of a run, if its stamp would tell of every later write."""
        if self.writes and stamp.is_settled:
            key = os.fsencode(folder)
            self.waiting.append((key, stamp.text, _digest(key, stamp, content), *content))
            if len(self.waiting) >= TOGETHER:
                self._write()

    def keep_only(self, folders: Iterable[Path]) -> None:
        """Drop the entries of all other runs."""
        self._write()
        known = {key for (key,) in self._ask(f"SELECT folder FROM {RUNS}")} if self.writes else set()
        self._change(
            f"DELETE FROM {RUNS} WHERE folder = ?", [(key,) for key in known - {*map(os.fsencode, folders)}]
        )

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._write()
        if self.connection is not None:
            self.connection.close()

    def _write(self) -> None:
        if self.waiting and self.connection is None and self.writes:
            self.connection = self._open()
        self._change(f"INSERT OR REPLACE INTO {RUNS} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self.waiting)
        self.waiting = []

    def _ask(self, query: str, *values: bytes | str) -> list[Any]:
        try:
            return self.connection.execute(query, values).fetchall() if self.connection else []
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _change(self, statement: str, rows: list[tuple[bytes | str, ...]]) -> None:
        if not (rows and self.connection and self.writes):
            return
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany(statement, rows)
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)

    def _open(self) -> sqlite3.Connection | None:
        """Return a connection, or None; a file that is damaged or of another version makes room for a new one."""
        try:
            return _connect(self.path, self.writes)
        except sqlite3.Error as error:
            self._make_room(error)
            return None

    def _give_up(self, error: sqlite3.Error) -> None:
        assert self.connection is not None
        self.connection.close()
        self._make_room(error)
        self.connection, self.writes = None, False

    def _make_room(self, error: sqlite3.Error) -> None:
        """Remove a file that is damaged or of another version; leave one that is locked or cannot be written."""
        if isinstance(error, sqlite3.OperationalError):
            self.writes = False
        elif self.writes:
            with suppress(OSError):
                self.path.unlink()


def _connect(path: Path, writes: bool) -> sqlite3.Connection:
    place = f"{path.absolute().as_uri()}?mode={'rwc' if writes else 'ro'}"
    connection = sqlite3.connect(place, uri=True, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        if writes:
            connection.execute(SCHEMA.replace("TABLE", "TABLE IF NOT EXISTS", 1))
        tables = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
        if tables != [(SCHEMA,)]:
            raise sqlite3.DatabaseError("of another version")
    except BaseException:
        connection.close()
        raise
    return connection


def _digest(key: bytes, stamp: Stamp, parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256(f"{stamp.text}\n".encode() + key)
    for part in parts:
        digest.update(b"%d\n" % len(part) + part)
    return digest.digest()
