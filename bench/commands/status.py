"""`bench status`: how far the runs are that were asked for."""

import typer

from bench.commands.command_options import RESULTS, Results
from bench.errors import UsageError
from bench.grid.cell_state import CellState


def status(results: Results = RESULTS) -> None:
    """Show which runs are done, running, interrupted, failed or left, and the time that is left.

    The exit status is 1 if one has failed.

    \b
    Examples:
      bench status
      bench status --results results/table1-mnist
    """
    from bench.commands.console import FAILED, console, note, say
    from bench.commands.terminal import show_status_table
    from bench.store import grid_status
    from bench.store.store import Store

    store = Store(results)
    for line in grid_status.problems(store):
        note(line)
    runs, imported = grid_status.of(store), grid_status.imported(store)
    if imported:
        say(f"{imported} run{'s were' if imported > 1 else ' was'} imported, trained elsewhere")
    if not runs and imported:
        return
    if not runs:
        raise UsageError(f"--results {results}: no run was asked for there; `bench run` begins one")
    show_status_table(console, runs)
    raise typer.Exit(FAILED if any(run.state == CellState.FAILED for run in runs) else 0)
