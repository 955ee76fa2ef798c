"""Folder in which data sets are looked for."""

import os
from pathlib import Path

PathLike = str | os.PathLike[str]


def find_data_root(given: PathLike | None) -> Path:
    """Return the folder of the data sets: the given one, else $BENCH_DATA, else `data`."""
    return Path(given or os.environ.get("BENCH_DATA") or "data").expanduser()
