"""Checksums of a run's files, in the format of `sha256sum`, so that a torn or edited file is never used."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

NAME = "SHA256SUMS"


def write(folder: Path) -> None:
    """Write the checksums of all files in a folder."""
    files = sorted(path for path in folder.iterdir() if path.name != NAME and not path.name.startswith("."))
    write_lines(folder / NAME, {path.name: digest(path) for path in files})


def write_lines(path: Path, digests: dict[str, str]) -> None:
    """Write digests by file name."""
    path.write_text("".join(f"{value}  {name}\n" for name, value in digests.items()), encoding="utf-8")


def read(folder: Path) -> dict[str, str]:
    """Return the digests by file name.

    Raises:
        ValueError: the file is not in the format of `sha256sum`.
    """
    lines = (folder / NAME).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("  ", 1) for line in lines]
    if not all(len(pair) == 2 for pair in pairs):
        raise ValueError(f"{NAME} is damaged")
    return {name: value for value, name in pairs}


def check(folder: Path, names: Iterable[str]) -> None:
    """Check files against their checksums.

    Raises:
        ValueError: one is not as it was written, or has no checksum.
        OSError: one is not there.
    """
    digests = read(folder)
    for name in names:
        _compare(name, digest(folder / name), digests)


def read_checked(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the content of files, checked against their checksums.

    Raises:
        ValueError: one is not as it was written, or has no checksum.
        OSError: one is not there.
    """
    digests = read(folder)
    contents = {name: (folder / name).read_bytes() for name in names}
    for name, content in contents.items():
        _compare(name, hashlib.sha256(content).hexdigest(), digests)
    return contents


def _compare(name: str, found: str, digests: dict[str, str]) -> None:
    if found != digests.get(name):
        raise ValueError(f"{name} is not as it was written: its checksum differs from that in {NAME}")


def digest(path: Path) -> str:
    """Return a file's SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
