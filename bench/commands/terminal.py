"""Tables as a terminal shows them."""

from collections import Counter
from textwrap import fill
from typing import Literal

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bench.escaping import printable
from bench.report.columns import Texts
from bench.report.table import Row, Table
from bench.spec import CellState
from bench.store.grid_status import RunStatus

LABEL = 20  # columns of a terminal that noise and method want at least


def show_table(console: Console, table: Table) -> None:
    """Print a table with its title and notes; if it is too wide, text is folded before numbers."""
    console.print()
    console.print(Text(printable(table.title), style="bold"))
    if table.rows:
        console.print(_laid_out(table, console.width))
    for note in table.all_notes:
        console.print(Text(printable(note), style="dim"))


def _laid_out(table: Table, room: int) -> RichTable:
    """Return the table in columns that fit a screen's width."""
    shown = RichTable(box=None, header_style="bold", padding=(0, 1, 0, 0))
    rows = [list(map(printable, row)) for row in table.texts]
    numbers = [place for place, each in enumerate(table.columns) if each.is_number]
    headings = [name.replace(": ", ":\n") for name in map(printable, table.header)]
    fits = sum(_width(headings, rows, place) + 1 for place in numbers) + LABEL <= room
    if not fits:
        headings = [name.replace(" ", "\n") for name in headings]
    for place, heading in enumerate(headings):
        number = place in numbers
        justify: Literal["left", "right"] = "right" if number else "left"
        shown.add_column(heading, justify=justify, overflow="fold", no_wrap=number and fits)
    for i, texts in enumerate(_folded(headings, rows, numbers, room)):
        cells = [Text(text, style="bold" if (i, j) in table.bold else "") for j, text in enumerate(texts)]
        shown.add_row(*cells, style="dim" if table.rows[i].kind == "published" else None)
    return shown


def _folded(headings: list[str], rows: list[list[str]], numbers: list[int], room: int) -> list[list[str]]:
    """Return the rows with the longest column of text folded to the room that others leave.

    It is folded at spaces and hyphens.
    """
    widths = [_width(headings, rows, place) for place in range(len(headings))]
    words = [place for place in range(len(headings)) if place not in numbers]
    if not words or sum(widths) + len(widths) <= room:
        return rows
    longest = max(words, key=widths.__getitem__)
    left = max(LABEL // 2, room - sum(widths) - len(widths) + widths[longest])
    return [[fill(cell, left) if place == longest else cell for place, cell in enumerate(row)] for row in rows]


def _width(headings: list[str], rows: list[list[str]], place: int) -> int:
    return max(len(line) for line in (*headings[place].splitlines(), *(row[place] for row in rows), ""))


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
