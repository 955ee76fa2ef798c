"""Files of a checkpoint, which end with the SHA-256 of all that comes before it."""

import hashlib
import io
from pathlib import Path
from typing import Any, BinaryIO

import torch

from bench.files.atomic import replace_file

SEAL = b"\nsha256 "  # comes before the digest, which ends the file
SEAL_LENGTH = len(SEAL) + 64


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint to a file, replacing it in one step; its last line is its SHA-256.

    Raises:
        OSError: it cannot be written, as on a full disk; the error names the path.
    """
    with replace_file(path) as file:
        sealed: Any = _Sealed(file)
        try:
            torch.save(content, sealed)
        except RuntimeError as error:  # torch hides an error of the disk behind one of its own
            raise sealed.failed or error from None
        file.write(SEAL + sealed.digest.hexdigest().encode())


def read(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint's file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not as it was written, or holds no checkpoint.
    """
    whole = path.read_bytes()
    content, seal = memoryview(whole)[:-SEAL_LENGTH], whole[-SEAL_LENGTH:]
    if not seal.startswith(SEAL):
        raise ValueError("it does not end with its checksum: it is torn, or an earlier version wrote it")
    if seal != SEAL + hashlib.sha256(content).hexdigest().encode():
        raise ValueError("it is not as it was written: its checksum differs")
    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):  # not the file's fault
        raise
    except Exception as error:  # whose text advises to load it with `weights_only=False`
        raise ValueError(f"it holds other things than a checkpoint does ({type(error).__name__})") from None
    if not isinstance(found, dict):
        raise ValueError(f"it holds no checkpoint, but a {type(found).__name__}")
    return found


class _Sealed:
    """A file that digests what is written to it, and keeps the error if it cannot be written."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest = file, hashlib.sha256()
        self.failed: OSError | None = None

    def write(self, content: bytes | memoryview) -> int:
        """Write to the file."""
        self.digest.update(content)
        try:
            return self.file.write(content)
        except OSError as error:
            self.failed = error
            raise

    def flush(self) -> None:
        """Do nothing: who opened the file writes it out."""
