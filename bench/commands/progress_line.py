"""The progress bar of `bench.run`: one line on the standard error output, by tqdm."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from tqdm import tqdm

from bench.escaping import printable
from bench.execution.context import Context
from bench.execution.observer import CellReport, Observer
from bench.grid.cell_state import Cell
from bench.plugins.method import Progress
from bench.spec import RunSpec
from bench.training.tracker import EpochLog


@contextmanager
def showing_progress(wanted: bool | None, grid: list[Cell], context: Context) -> Iterator[Observer]:
    """Yield the observer of a grid: a progress bar, or one that does nothing.

    What is printed while the bar is there appears above it, line by line.

    Args:
        wanted: whether to show the bar; None shows it in a terminal or a notebook.
        grid: what is to be run.
        context: knows which runs are finished.
    """
    if not (is_watched(sys.stderr) if wanted is None else wanted):
        yield Observer()
        return
    with ExitStack() as stack:
        line = stack.enter_context(ProgressLine(grid, context, sys.stderr))
        for redirected, stream in ((redirect_stdout, sys.stdout), (redirect_stderr, sys.stderr)):
            stack.enter_context(redirected(stack.enter_context(LinesAbove(stream, line.bar))))
        yield line


def is_watched(stream: Any) -> bool:
    """Return whether somebody sees a stream as it is written: in a terminal or a notebook."""
    return type(stream).__module__.partition(".")[0] == "ipykernel" or (stream is not None and stream.isatty())


class ProgressLine(Observer):
    """Shows on one line how many cells are done, the time left, and the newest epoch of a run."""

    def __init__(self, grid: list[Cell], context: Context, stream: Any) -> None:
        ahead = [cell for cell in grid if isinstance(cell, RunSpec) and not context.is_finished(cell)]
        self.total, self.finished = len(grid), 0
        self.epochs: dict[str, int] = {}  # done, by the run's identity
        total = sum(cell.recipe.epochs for cell in ahead)
        self.bar = tqdm(total=total, unit="epoch", file=stream, dynamic_ncols=True, mininterval=0.2)
        self._show_finished()

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def run_started(self, spec: RunSpec) -> None:
        """Name the run."""
        self.bar.set_postfix_str(_title(spec))

    def epoch(self, spec: RunSpec, progress: Progress, log: EpochLog | None = None) -> None:
        """Move the bar on; the epochs of a run that goes on from a checkpoint count at once."""
        done = progress.epoch - self.epochs.get(spec.identity, 0)
        self.epochs[spec.identity] = progress.epoch
        self.bar.set_postfix_str(f"{_title(spec)}, epoch {progress.epoch}/{progress.epochs}", refresh=False)
        self.bar.update(done)

    def waiting(self, said: str) -> None:
        """Say what the grid waits for."""
        self.bar.set_postfix_str(printable(said))

    def cell_finished(self, report: CellReport) -> None:
        """Count the cell."""
        self.finished += 1
        self._show_finished()

    def _show_finished(self) -> None:
        self.bar.set_description_str(f"{self.finished}/{self.total} runs")


def _title(spec: RunSpec) -> str:
    return printable(f"{spec.label}, {spec.noise.label}, seed {spec.seed}")


class LinesAbove:
    """A text stream whose lines are written above a progress bar.

    Args:
        stream: that the lines are written to.
        bar: that is taken away for the moment.
    """

    def __init__(self, stream: Any, bar: "tqdm[Any]") -> None:
        self.stream, self.bar = stream, bar
        self.begun = ""  # of a line

    def __enter__(self) -> "LinesAbove":
        return self

    def __exit__(self, *error: object) -> None:
        self._write(self.begun and f"{self.begun}\n")

    def write(self, text: str) -> int:
        """Write the lines that are whole, and keep what is begun."""
        lines, end, self.begun = (self.begun + text).rpartition("\n")
        self._write(lines + end)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _write(self, text: str) -> None:
        if text:
            self.bar.clear()
            self.stream.write(text)
            self.stream.flush()
            self.bar.refresh()
