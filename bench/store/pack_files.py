"""Packs: many runs in one compressed archive, read member by member and never unpacked to disk."""

import gzip
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from bench.errors import UsageError
from bench.files import checksums
from bench.store.file_sources import PREDICTIONS, RECORD_FILES, RUN_FILES, RunFiles

NAME = "runs.tar.gz"  # of the pack in a results folder
MOST_BYTES = {name: 2**30 if name in PREDICTIONS else 2**26 for name in RUN_FILES}
DAMAGED = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError)


@dataclass(frozen=True)
class PackedRun:
    """The files of a run in a pack: small ones in memory, predictions read when asked for."""

    pack: Path
    place: PurePosixPath  # below `runs`
    small: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    large: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)  # start, size

    @property
    def path(self) -> Path:
        """Where the run would lie if it were not packed."""
        return self.pack.parent / "runs" / self.place

    def __str__(self) -> str:
        return f"{self.pack}: {self.place}"

    def names(self) -> list[str]:
        """Return which of `RUN_FILES` there are."""
        return [name for name in RUN_FILES if name in self.small or name in self.large]

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: there is none of that name.
            UsageError: the pack is damaged.
        """
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


def runs_in(pack: Path) -> dict[PurePosixPath, PackedRun]:
    """Return the runs of a pack, by their place below `runs`; read once until the pack changes.

    Raises:
        UsageError: it is no pack, or is damaged.
    """
    try:
        stat = pack.stat()
    except OSError as error:
        raise _refused(pack, error) from None
    return _runs_in(pack, (stat.st_ino, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=2)
def _runs_in(pack: Path, stamp: tuple[int, int, int]) -> dict[PurePosixPath, PackedRun]:
    _reader.cache_clear()  # it may be of the pack before
    found: dict[PurePosixPath, PackedRun] = {}
    with _opened(pack) as archive:
        for member in archive:
            if not member.isdir():
                place, name = _known(member)
                run = found.setdefault(place, PackedRun(pack, place))
                if name in PREDICTIONS:
                    run.large[name] = member.offset_data, member.size
                else:
                    run.small[name] = _content(archive, member)
    return found


@lru_cache(maxsize=1)
def _reader(pack: Path) -> gzip.GzipFile:
    return gzip.open(pack)


@contextmanager
def _opened(pack: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(pack, "r:gz") as archive:
            yield archive
    except DAMAGED as error:
        raise _refused(pack, error) from None


def _refused(pack: Path, error: Exception) -> UsageError:
    return UsageError(f"{pack} is no file that `bench pack` wrote, or is damaged ({type(error).__name__})")


def _known(member: tarfile.TarInfo) -> tuple[PurePosixPath, str]:
    """Return the place and the name of a run's file; a ValueError refuses everything else."""
    path = PurePosixPath(member.name)
    top, *place = path.parts[:-1] or ("",)
    if not (member.isreg() and top == "runs" and place and ".." not in place and path.name in RUN_FILES):
        raise ValueError(f"{member.name} is no file of a run")
    if member.size > MOST_BYTES[path.name]:
        raise ValueError(f"{member.name} is too large")
    return PurePosixPath(*place), path.name


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None  # it is a regular file
    return file.read()


def write_pack(file: BinaryIO, runs: Iterable[RunFiles], root: Path, predictions: bool) -> None:
    """Write runs to a pack; the same runs give the same bytes: no times, no user names, in order.

    Args:
        file: where to.
        runs: the runs.
        root: the folder that their paths are taken from.
        predictions: whether to take those of the test set along.
    """
    names = (*RECORD_FILES, checksums.NAME, *(PREDICTIONS[:1] if predictions else ()))
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for run in sorted(runs, key=lambda run: run.path.parts):
            there = run.names()
            for name in (name for name in names if name in there):
                content = run.read(name)
                member = tarfile.TarInfo((Path("runs") / run.path.relative_to(root) / name).as_posix())
                member.size = len(content)
                archive.addfile(member, BytesIO(content))
