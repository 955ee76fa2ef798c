"""The progress bar of `bench.run`: what it shows, and that prints of plugins do not tear it."""

import io
import sys
from pathlib import Path

import pytest
from harness import grid

from bench.commands.progress_line import LinesAbove, ProgressLine, is_watched, showing_progress
from bench.execution.context import Context
from bench.execution.observer import CellReport, Observer
from bench.grid.cell_state import CellState
from bench.plugins.method import Progress
from bench.plugins.registry import Registry
from bench.store.store import Store


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def context(tmp_path):
    return Context(Registry(), Store(tmp_path), Path("data"))


def screen(text):
    """Return the lines that a terminal shows of a text with carriage returns."""
    lines = []
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_the_bar_tells_runs_done_the_run_under_way_and_its_epoch(context):
    stream = io.StringIO()
    cells = grid(seeds=[0, 1])
    with ProgressLine(cells, context, stream) as line:
        line.run_started(cells[0])
        line.epoch(cells[0], Progress(1, 4))
        line.epoch(cells[0], Progress(4, 4))
        line.cell_finished(CellReport(cells[0].title, CellState.DONE))
        line.run_started(cells[1])
        line.epoch(cells[1], Progress(3, 4))  # it goes on from a checkpoint
        line.bar.refresh()
        shown = screen(stream.getvalue())[-1]
        assert shown.startswith("1/2 runs:  88%")
        assert "7/8" in shown
        assert "dummy, 30%, seed 1, epoch 3/4" in shown
        line.waiting("runs of others")
        assert "runs of others" in screen(stream.getvalue())[-1]


def test_what_is_printed_appears_above_the_bar_line_by_line(context, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    with showing_progress(None, grid(), context) as observer:
        print("loss", 0.5)
        print("begun", end="")
        print("warned", file=sys.stderr)
        observer.run_started(grid()[0])
    assert sys.stdout is terminal
    assert sys.stderr is terminal
    shown = screen(terminal.getvalue())
    assert shown[:2] == ["loss 0.5", "warned"]
    assert shown[2].startswith("begun")
    assert [line for line in shown if "0/1 runs" in line and "loss" in line] == []


@pytest.mark.parametrize(("wanted", "stream"), [(False, Terminal()), (None, io.StringIO())])
def test_there_is_none_where_nobody_looks_or_wants_it(context, monkeypatch, wanted, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    with showing_progress(wanted, grid(), context) as observer:
        assert type(observer) is Observer
    assert stream.getvalue() == ""


def test_it_is_shown_in_a_notebook():
    outlet = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    assert is_watched(outlet())
    assert not is_watched(io.StringIO())
    assert not is_watched(None)


def test_a_stream_behind_the_bar_is_the_stream_otherwise(context):
    with ProgressLine(grid(), context, io.StringIO()) as line:
        stream = Terminal()
        above = LinesAbove(stream, line.bar)
        assert above.isatty()
        assert above.write("two\nlines\nand more") == 18
        above.flush()
        assert stream.getvalue() == "two\nlines\n"
