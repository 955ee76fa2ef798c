"""Shows a grid on the terminal: its progress as it runs, and its plan before."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Column

from bench.commands.console import say
from bench.commands.terminal import clock, show_table
from bench.escaping import printable
from bench.execution.context import Context
from bench.execution.estimate import Plan
from bench.execution.observer import CellReport, Observer
from bench.grid.cell_state import Cell, CellState
from bench.plugins.method import Progress
from bench.report.columns import Texts, Words
from bench.report.table import Row, Table
from bench.spec import RunSpec
from bench.training.tracker import EpochLog


class Display(Observer):
    """Shows a grid as it runs: a line for each finished cell, bars for the grid and for each run.

    Without a terminal there are no bars, but a first line that says how much there is to do.

    Args:
        finished: the list that the reports of the cells are added to.
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
            say(said, self.bars.console)
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def preparing(self, said: str) -> None:
        """Show what takes the time before the first run, if there is any to do."""
        if self.ahead and self.bars.console.is_terminal:
            self.bars.update(self.grid, done=said)
        elif self.ahead:
            say(said, self.bars.console)

    def run_started(self, spec: RunSpec) -> None:
        """Show a bar for the run."""
        self.bars.update(self.grid, done=f"{len(self.finished)}/{self.total} runs")
        self.under_way[spec.identity] = self.bars.add_task(_title(spec), total=spec.recipe.epochs, done="")

    def epoch(self, spec: RunSpec, progress: Progress, log: EpochLog | None = None) -> None:
        """Move its bar and the grid's on."""
        self.epochs[spec.identity] = progress.epoch
        said = f"epoch {progress.epoch}/{progress.epochs}"
        self.bars.update(self.under_way[spec.identity], completed=progress.epoch, done=said)
        self.bars.update(self.grid, completed=sum(self.epochs.values()))

    def run_ended(self, spec: RunSpec) -> None:
        """Take its bar away."""
        if spec.identity in self.under_way:
            self.bars.remove_task(self.under_way.pop(spec.identity))

    def waiting(self, said: str) -> None:
        """Print what the grid waits for."""
        self.bars.console.print(said, markup=False, soft_wrap=True)

    def cell_finished(self, report: CellReport) -> None:
        """Print a line for the cell."""
        self.finished.append(report)
        if self.total == 1 and report.status in (CellState.FAILED, CellState.DECLINED):
            return  # which is told at the end, once
        width = len(str(self.total))
        named = report.status in (CellState.FAILED, CellState.DECLINED, CellState.STOPPED)
        said = f"{report.status}: {report.detail}" if named else report.detail
        line = f"[{len(self.finished):{width}}/{self.total}] {report.title}  {said or 'finished before'}"
        say(line, self.bars.console)
        self.bars.update(self.grid, done=f"{len(self.finished)}/{self.total} runs")


def _title(spec: RunSpec) -> str:
    return printable(f"{spec.label}, {spec.noise.label}, seed {spec.seed}")


def show_plan_table(console: Console, rows: list[tuple[Cell, Plan]], jobs: int) -> None:
    """Print a grid with each cell's state and estimated time, and why cells will not run."""
    lines = [Row([cell.title, plan.state, clock(plan.seconds) if plan.seconds else ""]) for cell, plan in rows]
    total = sum(plan.seconds for _, plan in rows)
    ahead = sum(plan.state == CellState.TO_RUN for _, plan in rows)
    at_once = f", {clock(total / min(jobs, ahead))} with {jobs} jobs" if jobs > 1 and ahead > 1 else ""
    notes = [f"{len(rows)} cells, {ahead} to run, about {clock(total)} on this machine{at_once}"]
    notes += dict.fromkeys(f"{plan.state}: {plan.reason}" for _, plan in rows if plan.reason)
    show_table(console, Table("plan", "The grid", [Texts("cell"), Texts("state"), Words("time")], lines, notes))
