"""`bench pack`: write finished runs to one small file."""

from pathlib import Path

from bench.commands.console import console, errors
from bench.store import transfer
from bench.store.store import Store


def pack(target: Path, results: Path, predictions: bool) -> int:
    """Write a results folder's finished runs to one small file; return the exit status.

    Raises:
        UsageError: there is no finished run.
    """
    packed, problems = transfer.pack(Store(results), target, predictions)
    for line in problems:
        errors.print(f"note: {line}", soft_wrap=True, markup=False)
    kibibytes = target.stat().st_size / 1024
    size = f"{kibibytes:.0f} KiB" if kibibytes < 1024 else f"{kibibytes / 1024:.1f} MiB"
    console.print(f"{target}: {packed} runs, {size}", soft_wrap=True, markup=False)
    return 0
