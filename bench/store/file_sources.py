"""Where the bytes of a run's files come from: a folder, a member of a pack, or memory."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from bench.files import checksums
from bench.files.reading import read_file

RECORD_FILES = ("spec.json", "manifest.json", "epochs.csv", "curves.csv", "record.json")
PREDICTIONS = ("test.parquet", "train.parquet")
WEIGHTS = "weights.safetensors"  # of a run made with --keep-weights
SOURCES = "sources.json"  # of a run's plugins, as text; older runs and those of our plugins have none
RUN_FILES = (*RECORD_FILES, checksums.NAME, *PREDICTIONS, SOURCES, WEIGHTS)  # all that a run may have
# Of a file; predictions in a folder have no bound.
SEARCHES = "tuning"  # folder of searches by `bench tune`, in a results folder and in a pack
MOST_BYTES = {name: 2**30 if name in PREDICTIONS else 2**26 for name in RUN_FILES} | {
    SOURCES: 2**23,
    WEIGHTS: 2**31,
}


@runtime_checkable
class RunFiles(Protocol):
    """The files of one run; its text is for messages."""

    @property
    def path(self) -> Path:
        """The run's folder; that of a packed run is where it would lie if it were none."""

    def names(self) -> list[str]:
        """Return which of `RUN_FILES` there are."""

    def size(self, name: str) -> int:
        """Return how many bytes a file has."""

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: there is none of that name.
        """


@dataclass(frozen=True)
class Folder:
    """The files of a run in a folder."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def names(self) -> list[str]:
        """Return which of `RUN_FILES` there are."""
        return [name for name in RUN_FILES if (self.path / name).is_file()]

    def size(self, name: str) -> int:
        """Return how many bytes a file has."""
        return (self.path / name).stat().st_size

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            ValueError: it is larger than such a file may be.
        """
        path = self.path / name
        return path.read_bytes() if name in PREDICTIONS else read_file(path, MOST_BYTES[name])


@dataclass(frozen=True)
class Held:
    """Files held in memory; missing ones are read from `rest`."""

    path: Path
    held: Mapping[str, bytes]
    rest: RunFiles | None = None

    def __str__(self) -> str:
        return str(self.rest or self.path)

    def names(self) -> list[str]:
        """Return which of `RUN_FILES` there are."""
        rest = self.rest.names() if self.rest else []
        return [name for name in RUN_FILES if name in self.held or name in rest]

    def size(self, name: str) -> int:
        """Return how many bytes a file has."""
        if name in self.held or self.rest is None:
            return len(self.held[name])
        return self.rest.size(name)

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        if name in self.held:
            return self.held[name]
        if self.rest is None:
            raise FileNotFoundError(2, "No such file", name)
        return self.rest.read(name)


def read_checked(files: RunFiles, names: tuple[str, ...]) -> dict[str, bytes]:
    """Return the content of files, checked against their checksums.

    Raises:
        ValueError: one is not as it was written, or has no checksum.
        OSError: one is not there.
    """
    digests = checksums.read(files.read(checksums.NAME))
    contents = {name: files.read(name) for name in names}
    for name, content in contents.items():
        checksums.check(name, content, digests)
    return contents


def json_bytes(content: dict[str, Any]) -> bytes:
    """Return indented JSON with each row of numbers on one line."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    one_row = re.sub(r"\[[-+\d.,e\s]*\]", lambda row: " ".join(row.group().split()), text)
    return (one_row + "\n").encode()
