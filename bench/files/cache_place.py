"""Folder of what can be made again at any time, but takes long to make."""

import os
from pathlib import Path

from bench.options import path_of


def cache_folder() -> Path:
    """Return the folder of the cache: $BENCH_CACHE, else ~/.cache/uncertainty-bench."""
    return path_of(os.environ.get("BENCH_CACHE") or "~/.cache/uncertainty-bench", "BENCH_CACHE")
