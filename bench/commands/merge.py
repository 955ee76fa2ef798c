"""`bench merge`: bring runs made elsewhere into a results folder."""

from collections.abc import Iterable
from pathlib import Path

from bench.commands.console import FAILED, console, errors
from bench.store import transfer
from bench.store.store import Store


def merge(others: Iterable[Path], results: Path) -> int:
    """Bring runs of other results folders or packs into this one; return the exit status.

    Raises:
        UsageError: there is no such folder or pack.
    """
    failed = False
    for other in others:
        merged = transfer.merge(Store(results), other)
        completed = f", {merged.completed} of them without the predictions added now" if merged.completed else ""
        said = f"{other}: {merged.added} runs added, {merged.same} were here{completed}"
        console.print(said, soft_wrap=True, markup=False)
        for line in merged.problems:
            errors.print(f"note: {line}", soft_wrap=True, markup=False)
        for line in merged.refused:
            errors.print(f"refused: {line}", soft_wrap=True, markup=False)
        failed = failed or bool(merged.refused or merged.problems)
    return FAILED if failed else 0
