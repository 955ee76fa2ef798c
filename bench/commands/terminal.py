"""Tables as a terminal shows them."""

from collections import Counter

from rich.console import Console
from rich.text import Text

from bench.commands.terminal_layout import Layout
from bench.escaping import printable
from bench.grid.cell_state import CellState
from bench.report.columns import Texts
from bench.report.table import Row, Table
from bench.store.grid_status import RunStatus


def show_table(console: Console, table: Table) -> None:
    """Print a table with its title and notes, in blocks of columns if it is too wide."""
    console.print()
    console.print(Text(printable(table.title), style="bold"))
    for place, block in enumerate(Layout(table, console.width).blocks() if table.rows else ()):
        if place:
            console.print()
        console.print(block)
    for note in table.all_notes:
        console.print(Text(printable(note), style="dim"))


def show_status_table(console: Console, runs: list[RunStatus]) -> None:
    """Print runs under way and failed, how many are done and left, and the time left."""
    shown = [run for run in runs if run.state not in (CellState.DONE, CellState.LEFT)]
    rows = [Row([run.spec.title, run.state, run.detail]) for run in shown]
    counts = Counter(run.state for run in runs)
    known = [run.seconds for run in runs if run.seconds is not None]
    unknown = sum(run.state != CellState.DONE and run.seconds is None for run in runs)
    notes = [f"{len(runs)} runs were asked for: " + ", ".join(f"{n} {state}" for state, n in counts.items())]
    if known:
        jobs = max(1, counts[CellState.RUNNING])
        at_once = f", {clock(sum(known) / jobs)} with the {jobs} that run now" if jobs > 1 else ""
        more = f", without {unknown} runs of which nothing like it is finished" if unknown else ""
        notes.append(f"time left, from finished runs: {clock(sum(known))} one after the other{at_once}{more}")
    if rows:
        columns = [Texts("cell"), Texts("state"), Texts("", "detail")]
        show_table(console, Table("status", "Under way or failed", columns, rows))
        console.print()
    for note in notes:
        console.print(Text(printable(note)))


def clock(seconds: float) -> str:
    """Return a duration in a short form: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
