"""`bench status`: how far the runs are that were asked for."""

from pathlib import Path

from bench.commands.console import FAILED, console
from bench.commands.terminal import show_status_table
from bench.errors import UsageError
from bench.store import grid_status
from bench.store.store import Store


def show_status(results: Path) -> int:
    """Show how far the runs are that were asked for; return the exit status.

    Raises:
        UsageError: nothing was asked for in this folder.
        BenchError: the list of what was is damaged.
    """
    runs = grid_status.of(Store(results))
    if not runs:
        raise UsageError(f"--results {results}: no run was asked for there; `bench run` begins one")
    show_status_table(console, runs)
    return FAILED if any(run.state == "failed" for run in runs) else 0
