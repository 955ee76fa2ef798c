"""SHA-256 checksums of files, as `sha256sum` has them: torn and edited files are detected."""

import hashlib
from collections.abc import Mapping

NAME = "SHA256SUMS"


def of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the digests of files, in hex, sorted by name."""
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files) if name != NAME}


def written(digests: Mapping[str, str]) -> bytes:
    """Return digests by file name as `sha256sum` writes them."""
    return "".join(f"{value}  {name}\n" for name, value in digests.items()).encode()


def read(content: bytes) -> dict[str, str]:
    """Return the digests by file name.

    Raises:
        ValueError: the content is not in the format of `sha256sum`.
    """
    pairs = [line.split("  ", 1) for line in content.decode().splitlines()]
    if not all(len(pair) == 2 for pair in pairs):
        raise ValueError(f"{NAME} is damaged")
    return {name: value for value, name in pairs}


def check(name: str, content: bytes, digests: Mapping[str, str]) -> None:
    """Check a file against the checksum of its name.

    Raises:
        ValueError: it is not as it was written, or has no checksum.
    """
    if hashlib.sha256(content).hexdigest() != digests.get(name):
        raise ValueError(f"{name} is not as it was written: its checksum differs from that in {NAME}")
