"""What a terminal shows of a search: its plan, its progress, and what won."""

from contextlib import AbstractContextManager
from pathlib import Path

from bench.commands import grid_session
from bench.commands.console import console, note, say
from bench.commands.interrupts import INTERRUPTED
from bench.commands.progress import Display
from bench.commands.terminal import show_table
from bench.commands.tuning_session import Tuning, records_of, tune
from bench.execution.observer import Observer
from bench.grid.cell_state import Cell
from bench.grid.pictures import Pictures
from bench.report.pages import write_report
from bench.report.sample_pictures import Samples
from bench.report.tables.tuning_tables import tuning_table, tuning_trials_table
from bench.tracking.tracking import tracking


def show_plan(tuning: Tuning) -> int:
    """Show all runs of a search and what they will cost; return the exit status."""
    _say_remarks(tuning)
    tests = tuning.expected_tests()
    say(
        f"{len(tuning.trials)} runs on the held-out part, then {len(tests)} on the test set, which the plan shows "
        "of what wins so far, else of the defaults"
    )
    return grid_session.show_plan([*tuning.trials, *tests], tuning.context, tuning.machines)


def run(tuning: Tuning, results: Path, trackers: list[str]) -> int:
    """Search, test the winners, write and show the tables; return the exit status."""
    _say_remarks(tuning)

    def watching(grid: list[Cell]) -> AbstractContextManager[Observer]:
        display = Display(console, grid, tuning.context, [])
        return tracking(trackers, tuning.context.store, note, display)

    try:
        study, reports = tune(tuning, watching)
    except KeyboardInterrupt:
        note("the runs that finished are kept; the same command goes on from there", "interrupted")
        return INTERRUPTED
    written = write_report(results, Samples(tuning.context.registry, tuning.context.data_root), Pictures())
    records = records_of(results)
    for make in (tuning_trials_table, tuning_table):
        show_table(console, make(study, records))
    say(f"All tables and curves: {written.folder / 'README.md'}")
    return grid_session.say_unfinished(reports)


def _say_remarks(tuning: Tuning) -> None:
    for remark in tuning.remarks():
        note(remark)
