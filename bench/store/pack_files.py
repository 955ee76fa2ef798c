"""Packs: many runs in one compressed archive, read member by member and never unpacked to disk.

A pack may come from anybody. Only regular files of known names at the places of runs are read,
within bounds; everything else in it is named and left alone.
"""

import gzip
import json
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import BinaryIO

from bench.errors import UsageError
from bench.files import checksums
from bench.files.reading import parse_json
from bench.store.file_sources import (
    MOST_BYTES,
    PREDICTIONS,
    RECORD_FILES,
    RUN_FILES,
    SEARCHES,
    SOURCES,
    WEIGHTS,
    RunFiles,
)

NAME = "runs.tar.gz"  # of the pack in a results folder
ABOUT = "pack.json"  # first member: how many files and bytes follow; older packs lack it
READ_LATER = (*PREDICTIONS, SOURCES, WEIGHTS)  # are not kept in memory
MOST_READ = 2**26 + 2**10  # bytes that are read at once, of a small file or of the head of a member
EXPANSION, ROOM = 100, 2**24  # a pack unpacks to at most so many times its size, and so many bytes
MOST_SEARCH = 2**24  # bytes of a search
HEAD = 2**12  # bytes that the head of a member and its padding come to at most
SHOWN = 3  # names of odd members in a message
DAMAGED = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError, RecursionError)


class OverBoundError(ValueError):
    """A pack holds more than it may."""


@dataclass(frozen=True)
class PackedRun:
    """The files of a run in a pack: small ones in memory, predictions read when asked for."""

    pack: Path
    place: PurePosixPath  # below `runs`
    small: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    large: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)  # start, size
    faults: list[str] = field(default_factory=list, compare=False, repr=False)  # why it cannot be read

    @property
    def path(self) -> Path:
        """Where the run would lie if it were not packed."""
        return self.pack.parent / "runs" / self.place

    def __str__(self) -> str:
        return f"{self.pack}: {self.place}"

    def names(self) -> list[str]:
        """Return which of `RUN_FILES` there are."""
        return [name for name in RUN_FILES if name in self.small or name in self.large]

    def size(self, name: str) -> int:
        """Return how many bytes a file has."""
        return len(self.small[name]) if name in self.small else self.large[name][1]

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: there is none of that name.
            ValueError: the run has a fault.
            UsageError: the pack is damaged.
        """
        if self.faults:
            raise ValueError(self.faults[0])
        if name in self.small:
            return self.small[name]
        if name not in self.large:
            raise FileNotFoundError(2, "No such file in the pack", f"{self.place}/{name}")
        start, size = self.large[name]
        try:
            reader = _reader(self.pack)
            reader.seek(start)  # forwards is fast, as when runs are read in their order
            return reader.read(size)
        except DAMAGED as error:
            raise _refused(self.pack, error) from None


@dataclass
class Contents:
    """What is in a pack: runs by their place below `runs`, searches, names of what is neither."""

    pack: Path
    runs: dict[PurePosixPath, PackedRun] = field(default_factory=dict)
    searches: dict[str, bytes] = field(default_factory=dict)  # by the name of the file
    odd: list[str] = field(default_factory=list)
    unread: str = ""  # why the rest of the pack is not read

    @property
    def problems(self) -> list[str]:
        """A line on what is left out, and one on what is not read."""
        more = f" and {len(self.odd) - SHOWN} more" if len(self.odd) > SHOWN else ""
        names = ", ".join(self.odd[:SHOWN])
        odd = [f"{self.pack} holds what is no file of a run and is left out: {names}{more}"] if self.odd else []
        return odd + ([f"{self.pack}: the rest of it is not read: {self.unread}"] if self.unread else [])


def contents(pack: Path) -> Contents:
    """Return what is in a pack; read once until the pack changes.

    Raises:
        UsageError: it is no pack, or is damaged.
    """
    try:
        stat = pack.stat()
    except OSError as error:
        raise _refused(pack, error) from None
    return _contents(pack, (stat.st_ino, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=2)
def _contents(pack: Path, stamp: tuple[int, int, int]) -> Contents:
    _reader.cache_clear()  # it may be of the pack before
    found = Contents(pack)
    with _opened(pack) as archive:
        try:
            for member in archive:
                _take(found, archive, member)
        except OverBoundError as error:
            found.unread = str(error)
    if not found.runs and found.odd:
        raise _refused(pack, ValueError())
    return found


def _take(found: Contents, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Add a member of a pack to the runs, or its name to what is odd."""
    if member.name == ABOUT and not found.runs:
        _set_bound(archive, member)
        return
    if _is_search(member):
        found.searches[PurePosixPath(member.name).name] = _content(archive, member)
        return
    path = PurePosixPath(member.name)
    top, *parts = path.parts[:-1] or ("",)
    if top != "runs" or not parts or ".." in parts or path.name not in RUN_FILES:
        found.odd += [] if member.isdir() else [f"{member.name[:80]!r}"]
        return
    place = PurePosixPath(*parts)
    run = found.runs.setdefault(place, PackedRun(found.pack, place))
    if fault := _fault(run, member, path.name):
        run.faults.append(fault)
    elif path.name in READ_LATER:
        run.large[path.name] = member.offset_data, member.size
    else:
        run.small[path.name] = _content(archive, member)


def _is_search(member: tarfile.TarInfo) -> bool:
    is_named = re.fullmatch(rf"{SEARCHES}/[0-9a-f]{{1,64}}\.json", member.name)
    return bool(is_named) and member.isreg() and not member.issparse() and member.size <= MOST_SEARCH


def _fault(run: PackedRun, member: tarfile.TarInfo, name: str) -> str | None:
    """Return why a member cannot be a file of a run, or None."""
    if not member.isreg() or member.issparse():
        return f"{name} is no regular file"
    if member.size > MOST_BYTES[name]:
        return f"{name} has {member.size} bytes, more than the {MOST_BYTES[name]} that it may have"
    return f"{name} is there twice" if name in run.names() else None


def _set_bound(archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Lower the bound of what is read to what the pack says of itself."""
    said = parse_json(_content(archive, member))
    if not isinstance(said, dict) or not all(type(said.get(key)) is int for key in ("files", "bytes")):
        raise ValueError(f"{ABOUT} does not say how many files and bytes there are")
    stream = archive.fileobj
    assert isinstance(stream, Bounded)
    stream.most = min(stream.most, said["bytes"] + HEAD * (2 + said["files"]))


class Bounded:
    """A compressed file of which no more than a number of bytes is unpacked, or read at once."""

    def __init__(self, file: gzip.GzipFile, most: int) -> None:
        self.file, self.most = file, most

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes.

        Raises:
            OverBoundError: they are more than may be read.
        """
        if not 0 <= size <= MOST_READ:
            raise OverBoundError(f"a member's head or small file has {size} bytes")
        self._check(self.file.tell() + size)
        return self.file.read(size)

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place.

        Raises:
            OverBoundError: it lies beyond what may be read.
        """
        self._check(place)
        return self.file.seek(place, whence)

    def tell(self) -> int:
        """Return the place."""
        return self.file.tell()

    def _check(self, end: int) -> None:
        if end > self.most + MOST_READ:
            raise OverBoundError(f"it unpacks to more than the {self.most} bytes that it may have")


@lru_cache(maxsize=1)
def _reader(pack: Path) -> gzip.GzipFile:
    return gzip.open(pack)


@contextmanager
def _opened(pack: Path) -> Iterator[tarfile.TarFile]:
    try:
        most = ROOM + EXPANSION * pack.stat().st_size
        with gzip.open(pack) as file, tarfile.open(fileobj=Bounded(file, most), mode="r:") as archive:  # type: ignore[call-overload]
            yield archive
    except DAMAGED as error:
        raise _refused(pack, error) from None


def _refused(pack: Path, error: Exception) -> UsageError:
    return UsageError(f"{pack} is no file that `bench pack` wrote, or is damaged ({type(error).__name__})")


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None  # it is a regular file
    return file.read()


def write_pack(
    file: BinaryIO,
    runs: Iterable[RunFiles],
    root: Path,
    predictions: bool,
    weights: bool = False,
    searches: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Write runs to a pack; the same runs give the same bytes: no times, no user names, in order.

    Args:
        file: where to.
        runs: the runs.
        root: the folder that their paths are taken from.
        predictions: whether to take those of the test set along.
        weights: whether to take trained weights along, where they were kept.
        searches: of `bench tune`, by the names of their files.
    """
    large = (*(PREDICTIONS[:1] if predictions else ()), *([WEIGHTS] if weights else ()))
    wanted = (*RECORD_FILES, checksums.NAME, SOURCES, *large)
    files = [
        (run, name)
        for run in sorted(runs, key=lambda run: run.path.parts)
        for name in wanted
        if name in run.names()
    ]
    size = sum(run.size(name) for run, name in files) + sum(map(len, searches.values()))
    about = json.dumps({"files": len(files) + len(searches), "bytes": size})
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        _add(archive, ABOUT, about.encode())
        for run, name in files:
            _add(archive, (Path("runs") / run.path.relative_to(root) / name).as_posix(), run.read(name))
        for name, content in sorted(searches.items()):
            _add(archive, f"{SEARCHES}/{name}", content)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, BytesIO(content))
