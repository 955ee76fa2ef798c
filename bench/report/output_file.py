"""The file that a command writes one table or figure to."""

from collections.abc import Collection
from pathlib import Path

from bench.errors import UsageError


def check(path: Path, endings: Collection[str]) -> None:
    """Check that a file's name has a known ending, and that there is a folder for it.

    Raises:
        UsageError: it has another, it is a folder, or there is none for it.
    """
    if path.suffix not in endings:
        *most, last = endings
        raise UsageError(f"-o {path}: the name must end in {', '.join(most)} or {last}")
    if path.is_dir():
        raise UsageError(f"-o {path}: is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"-o {path}: there is no folder {path.parent}")
