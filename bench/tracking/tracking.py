"""The observer that tells trackers of a grid; what fails in a tracker never ends a run."""

import importlib
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.errors import one_line
from bench.execution.observer import Observer, Observers
from bench.plugins.method import Progress
from bench.report.figures import FROM_RECORDS
from bench.report.figures.save import save_each
from bench.report.grouping import group
from bench.report.summaries import flat
from bench.spec import RunSpec
from bench.store.record import Record, read_record
from bench.store.store import Store
from bench.tracking.names import TRACKERS
from bench.tracking.told_epochs import ToldEpochs
from bench.tracking.tracker_interface import Setting, TrackedRun, Tracker
from bench.training.seeding import restore, state
from bench.training.tracker import EpochLog

Warn = Callable[[str], None]


@contextmanager
def tracking(
    names: list[str], store: Store, warn: Warn, shown: AbstractContextManager[Observer]
) -> Iterator[Observer]:
    """Yield an observer that tells trackers and a display, and close them at the end.

    Args:
        names: of the trackers, whose libraries are installed.
        store: of the runs; the trackers' files lie beside them.
        warn: called with a line on a tracker that fails; the runs go on without it.
        shown: the display.
    """
    observers = [Tracking(name, store, warn) for name in names]
    try:
        with shown as display:
            yield Observers([*observers, display])
    finally:
        for observer in observers:
            observer.close()


class Tracking(Observer):
    """Tells one tracker of the runs: epochs as they end, then metrics and pictures.

    Epochs that were not told as they ended, as those of Slurm's jobs, are told with the metrics.
    """

    def __init__(self, name: str, store: Store, warn: Warn) -> None:
        self.name, self.store, self.warn = name, store, warn
        self.folder = store.results / "tracking" / name
        self.told = ToldEpochs(self.folder / ".told")
        self.runs: dict[str, TrackedRun] = {}  # that are open, by identity
        self.tracker: Tracker | None = None
        self._safely(self._open)

    def run_started(self, spec: RunSpec) -> None:
        """Open the run; one whose process died and that is tried again is open already."""
        if self.tracker and spec.identity not in self.runs:
            self._safely(partial(self._begin, self.tracker, spec))

    def _begin(self, tracker: Tracker, spec: RunSpec) -> None:
        run = _tracked(spec, self.told.get(spec.identity))
        self.runs[spec.identity] = run
        tracker.begin(run)

    def epoch(self, spec: RunSpec, progress: Progress, log: EpochLog | None = None) -> None:
        """Log an epoch, unless it was logged before the run was interrupted."""
        if log is not None and self.tracker and spec.identity in self.runs:
            self._safely(partial(self._log, self.tracker, spec.identity, log))

    def run_stored(self, spec: RunSpec) -> None:
        """Log metrics and pictures of a finished run."""
        if self.tracker and spec.identity in self.runs:
            self._safely(partial(self._end, self.tracker, spec))

    def close(self) -> None:
        """Close the runs that have not ended."""
        if self.tracker:
            self._safely(self.tracker.close)

    def _open(self) -> None:
        module = importlib.import_module(f"bench.tracking.{TRACKERS[self.name].module}")
        (kind,) = (each for each in vars(module).values() if _is_tracker(each))
        self.tracker = kind(self.folder)

    def _end(self, tracker: Tracker, spec: RunSpec) -> None:
        record = read_record(self.store.files(spec))
        for log in _logs(record):
            self._log(tracker, spec.identity, log)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            run = self.runs.pop(spec.identity)
            tracker.end(run, _numbers(flat(record.metrics.entries())), _pictures(record, Path(folder)))
        self.told.forget(spec.identity)

    def _log(self, tracker: Tracker, identity: str, log: EpochLog) -> None:
        run, epoch = self.runs[identity], int(log["epoch"])
        if epoch <= run.told:
            return
        tracker.epoch(run, epoch, _numbers({name: value for name, value in log.items() if name != "epoch"}))
        self.runs[run.identity] = run._replace(told=epoch)
        self.told.keep(run.identity, epoch)

    def _safely(self, act: Callable[[], None]) -> None:
        """Do something with the tracker; once anything fails, there is none any more.

        Its library may draw random numbers: those of a run in this process stay as they are.
        """
        before = state()
        try:
            act()
        except Exception as error:
            self.tracker = None
            self.warn(f"--track {self.name}: {one_line(error)}; the runs go on without it")
        finally:
            restore(before)


def _is_tracker(each: Any) -> bool:
    return isinstance(each, type) and issubclass(each, Tracker) and each is not Tracker


def _tracked(spec: RunSpec, told: int) -> TrackedRun:
    settings = {name: _setting(value) for name, value in flat(spec.counting).items()}
    return TrackedRun(spec.identity, spec.title, spec.folder.as_posix(), settings, told)


def _setting(value: Any) -> Setting:
    return value if isinstance(value, Setting) else str(value)


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    """Return the values that are numbers; what is undefined is left out."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not math.isnan(value)
    }


def _logs(record: Record) -> Iterator[EpochLog]:
    columns = record.epochs
    for place in range(len(columns["epoch"])):
        yield {name: float(column[place]) for name, column in columns.items()}


def _pictures(record: Record, folder: Path) -> list[Path]:
    """Draw what a report shows of a run alone."""
    (members,) = group([record])
    pictures = [picture for made in FROM_RECORDS for picture in made(members)]
    save_each(pictures, folder)
    return [folder / picture.file for picture in pictures]
