"""What a person sees: progress of the grid and of the current run, and the main tables."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table as RichTable
from rich.text import Text

from bench import tables
from bench.estimate import TO_RUN, Plan
from bench.executors.local import CellReport, Context, Observer
from bench.formats import Table
from bench.grid import Cell
from bench.groups import Group
from bench.method import Progress
from bench.spec import RunSpec
from bench.train import EpochLog


class Display(Observer):
    """Shows a grid as it runs: a line for each finished cell, a bar for the grid and one for the current run.

    Args:
        finished: takes the reports of the cells as they come.
    """

    def __init__(self, console: Console, grid: list[Cell], context: Context, finished: list[CellReport]) -> None:
        self.finished, self.total = finished, len(grid)
        ahead = [cell for cell in grid if isinstance(cell, RunSpec) and not context.is_finished(cell)]
        self.bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[done]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            transient=True,
            speed_estimate_period=600,
        )
        self.grid = self.bars.add_task("grid", total=sum(cell.recipe.epochs for cell in ahead), done="")
        self.run = self.bars.add_task("", total=None, done="", visible=False)

    def __enter__(self) -> "Display":
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def run_started(self, spec: RunSpec) -> None:
        """Show the run's bar."""
        self.bars.update(self.grid, done=f"{len(self.finished)}/{self.total} runs")
        title = f"{spec.label}, noise {spec.noise.label}"
        self.bars.reset(self.run, total=spec.recipe.epochs, description=title, done="", visible=True)

    def epoch(self, progress: Progress, log: EpochLog) -> None:
        """Move both bars on by an epoch."""
        self.bars.advance(self.grid)
        self.bars.update(self.run, advance=1, done=f"epoch {progress.epoch}/{progress.epochs}")

    def cell_finished(self, report: CellReport) -> None:
        """Print a line for the cell."""
        self.finished.append(report)
        width = len(str(self.total))
        said = f"{report.status}: {report.detail}" if report.status in ("failed", "declined") else report.detail
        line = f"[{len(self.finished):{width}}/{self.total}] {report.title}  {said or 'finished before'}"
        self.bars.console.print(line, markup=False, soft_wrap=True)
        self.bars.update(self.grid, done=f"{len(self.finished)}/{self.total} runs")


def show_group(console: Console, group: Group) -> None:
    """Print a group's accuracy table and counts."""
    for table in (tables.accuracy(group), tables.top_k(group)):
        show_table(console, table)


def show_table(console: Console, table: Table) -> None:
    """Print a table with its title and notes, folded to the terminal's width."""
    console.print()
    console.print(Text(table.title, style="bold"))
    shown = RichTable(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in table.header:
        text = name in ("method", "noise", "cell", "state")
        shown.add_column(name, justify="left" if text else "right", overflow="fold", no_wrap=name == "method")
    for row in table.rows:
        shown.add_row(*map(Text, row), style="dim" if row[0].startswith(" ") else None)
    console.print(shown)
    for note in table.notes:
        console.print(Text(note, style="dim"))


def show_plan_table(console: Console, rows: list[tuple[Cell, Plan]]) -> None:
    """Print a grid with each cell's state and estimated time, and why cells will not run."""
    lines = [[cell.title, plan.state, clock(plan.seconds) if plan.seconds else ""] for cell, plan in rows]
    total = sum(plan.seconds for _, plan in rows)
    ahead = sum(plan.state == TO_RUN for _, plan in rows)
    notes = [f"{len(rows)} cells, {ahead} to run, about {clock(total)} on this machine"]
    notes += dict.fromkeys(f"{plan.state}: {plan.reason}" for _, plan in rows if plan.reason)
    show_table(console, Table("plan", "The grid", ["cell", "state", "time"], lines, notes))


def clock(seconds: float) -> str:
    """Return a duration as people say it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
