"""What a person sees: progress of the grid and of the current run, and the main tables."""

from collections import Counter
from textwrap import fill
from types import TracebackType
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from bench import tables
from bench.estimate import TO_RUN, Plan
from bench.executors.cell import CellReport, Context, Observer
from bench.formats import Table
from bench.grid import Cell
from bench.groups import Group
from bench.method import Progress
from bench.spec import RunSpec
from bench.status import RunStatus

LABEL = 20  # columns of a terminal that noise and method want at least


class Display(Observer):
    """Shows a grid as it runs: a line for each finished cell, a bar for the grid and one for each run under way.

    Where there is no terminal, there are no bars, and a first line that says how much there is to do.

    Args:
        finished: takes the reports of the cells as they come.
    """

    def __init__(self, console: Console, grid: list[Cell], context: Context, finished: list[CellReport]) -> None:
        self.finished, self.total = finished, len(grid)
        ahead = [cell for cell in grid if isinstance(cell, RunSpec) and not context.is_finished(cell)]
        self.ahead = len(ahead)
        width = min(38, max((len(_title(cell)) for cell in ahead), default=0))
        self.bars = Bars(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, width=width)),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[done]}", table_column=Column(no_wrap=True, min_width=11)),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            transient=True,
            speed_estimate_period=600,
        )
        self.grid = self.bars.add_task("grid", total=sum(cell.recipe.epochs for cell in ahead), done="")
        self.under_way: dict[str, TaskID] = {}  # by the run's identity
        self.epochs: dict[str, int] = {}  # done, by the run's identity

    def __enter__(self) -> "Display":
        if self.ahead and not self.bars.console.is_terminal:
            said = f"{self.ahead} of {self.total} runs to do; `bench status` tells how far they are"
            self.bars.console.print(said, markup=False, soft_wrap=True)
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def run_started(self, spec: RunSpec) -> None:
        """Show a bar for the run."""
        self.bars.update(self.grid, done=f"{len(self.finished)}/{self.total} runs")
        self.under_way[spec.identity] = self.bars.add_task(_title(spec), total=spec.recipe.epochs, done="")

    def epoch(self, spec: RunSpec, progress: Progress) -> None:
        """Move its bar and the grid's on."""
        self.epochs[spec.identity] = progress.epoch
        said = f"epoch {progress.epoch}/{progress.epochs}"
        self.bars.update(self.under_way[spec.identity], completed=progress.epoch, done=said)
        self.bars.update(self.grid, completed=sum(self.epochs.values()))

    def run_ended(self, spec: RunSpec) -> None:
        """Take its bar away."""
        if spec.identity in self.under_way:
            self.bars.remove_task(self.under_way.pop(spec.identity))

    def cell_finished(self, report: CellReport) -> None:
        """Print a line for the cell."""
        self.finished.append(report)
        width = len(str(self.total))
        named = report.status in ("failed", "declined", "stopped")
        said = f"{report.status}: {report.detail}" if named else report.detail
        line = f"[{len(self.finished):{width}}/{self.total}] {report.title}  {said or 'finished before'}"
        self.bars.console.print(line, markup=False, soft_wrap=True)
        self.bars.update(self.grid, done=f"{len(self.finished)}/{self.total} runs")


def _title(spec: RunSpec) -> str:
    return f"{spec.label}, {spec.noise.label}, seed {spec.seed}"


def show_group(console: Console, group: Group) -> None:
    """Print a group's accuracy table and counts."""
    for table in (tables.accuracy(group), tables.top_k(group)):
        show_table(console, table)


WORDS = ("method", "against", "noise", "cell", "state", "")  # headings of columns of text; the others hold numbers


def show_table(console: Console, table: Table) -> None:
    """Print a table with its title and notes; where it is too wide, text is folded before numbers are."""
    console.print()
    console.print(Text(table.title, style="bold"))
    shown = RichTable(box=None, header_style="bold", padding=(0, 1, 0, 0))
    headings = [name.replace(": ", ":\n") for name in table.header]
    numbers = [place for place, name in enumerate(table.header) if name not in WORDS]
    fits = sum(_width(headings, table.rows, place) + 1 for place in numbers) + LABEL <= console.width
    if not fits:
        headings = [name.replace(" ", "\n") for name in headings]
    for place, heading in enumerate(headings):
        number = place in numbers
        justify: Literal["left", "right"] = "right" if number else "left"
        shown.add_column(heading, justify=justify, overflow="fold", no_wrap=number and fits)
    for i, row in enumerate(_folded(headings, table.rows, numbers, console.width)):
        texts = [Text(text, style="bold" if (i, j) in table.bold else "") for j, text in enumerate(row)]
        shown.add_row(*texts, style="dim" if row[0].startswith(" ") else None)
    if table.rows:
        console.print(shown)
    for note in table.all_notes:
        console.print(Text(note, style="dim"))


def _folded(headings: list[str], rows: list[list[str]], numbers: list[int], room: int) -> list[list[str]]:
    """Return the rows, the longest column of text folded, at spaces and hyphens, to the room that others leave."""
    widths = [_width(headings, rows, place) for place in range(len(headings))]
    words = [place for place in range(len(headings)) if place not in numbers]
    if not words or sum(widths) + len(widths) <= room:
        return rows
    longest = max(words, key=widths.__getitem__)
    left = max(LABEL // 2, room - sum(widths) - len(widths) + widths[longest])
    return [[fill(cell, left) if place == longest else cell for place, cell in enumerate(row)] for row in rows]


def _width(headings: list[str], rows: list[list[str]], place: int) -> int:
    return max(len(line) for line in (*headings[place].splitlines(), *(row[place] for row in rows), ""))


def show_plan_table(console: Console, rows: list[tuple[Cell, Plan]], jobs: int) -> None:
    """Print a grid with each cell's state and estimated time, and why cells will not run."""
    lines = [[cell.title, plan.state, clock(plan.seconds) if plan.seconds else ""] for cell, plan in rows]
    total = sum(plan.seconds for _, plan in rows)
    ahead = sum(plan.state == TO_RUN for _, plan in rows)
    at_once = f", {clock(total / min(jobs, ahead))} with {jobs} jobs" if jobs > 1 and ahead > 1 else ""
    notes = [f"{len(rows)} cells, {ahead} to run, about {clock(total)} on this machine{at_once}"]
    notes += dict.fromkeys(f"{plan.state}: {plan.reason}" for _, plan in rows if plan.reason)
    show_table(console, Table("plan", "The grid", ["cell", "state", "time"], lines, notes))


def show_status_table(console: Console, runs: list[RunStatus]) -> None:
    """Print what runs are done or under way, failed or left, and the time left."""
    rows = [[run.spec.title, run.state, run.detail] for run in runs if run.state not in ("done", "left")]
    counts = Counter(run.state for run in runs)
    known = [run.seconds for run in runs if run.seconds is not None]
    unknown = sum(run.state != "done" and run.seconds is None for run in runs)
    notes = [f"{len(runs)} runs were asked for: " + ", ".join(f"{n} {state}" for state, n in counts.items())]
    if known:
        jobs = max(1, counts["running"])
        at_once = f", {clock(sum(known) / jobs)} with the {jobs} that run now" if jobs > 1 else ""
        more = f", without {unknown} runs of which nothing like it is finished" if unknown else ""
        notes.append(f"time left, from finished runs: {clock(sum(known))} one after the other{at_once}{more}")
    if rows:
        show_table(console, Table("status", "Under way or failed", ["cell", "state", ""], rows, []))
        console.print()
    for note in notes:
        console.print(Text(note))


def clock(seconds: float) -> str:
    """Return a duration as people say it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
