"""Folder in which data sets are looked for."""

import os
from pathlib import Path

from bench.options import PathLike, path_of


def find_data_root(given: PathLike | None) -> Path:
    """Return the folder of the data sets: the given one, else $BENCH_DATA, else `data`.

    Raises:
        UsageError: the given one is empty, or begins with ~ and a user whom there is not.
    """
    if given is not None:
        return path_of(given, "--data-root")
    return path_of(os.environ.get("BENCH_DATA") or "data", "BENCH_DATA")
