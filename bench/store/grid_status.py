"""State of each run that was asked for (done, running, failed, …), and the time that is left."""

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, one_line
from bench.files.atomic import replace_file
from bench.files.locks import waiting
from bench.files.reading import parse_json, read_file
from bench.grid.cell_state import Cell, CellState
from bench.spec import IMPORTED, RunSpec, StoredSpec
from bench.store import unfinished
from bench.store.record import Record, StoreError
from bench.store.store import Store
from bench.validation import validated

MOST_ASKED = 2**28  # bytes of the list of runs asked for


@dataclass(frozen=True)
class RunStatus:
    """How far one run is."""

    spec: RunSpec
    state: CellState
    detail: str = ""  # the epoch it is in, or why it failed
    seconds: float | None = None  # that are left, from what was measured; None: nothing was


def remember(store: Store, grid: Iterable[Cell]) -> None:
    """Write down what runs were asked for, so that what is left is known.

    Runs that were asked for with an earlier version of a plugin, and now are with its present one,
    are forgotten.

    Raises:
        UsageError: the store is of version 0.1.
    """
    path = store.asked
    specs = [cell for cell in grid if isinstance(cell, RunSpec)]
    asked = {spec.identity: spec.model_dump(mode="json") for spec in specs}
    again = set(map(_without_versions, specs))
    path.parent.mkdir(parents=True, exist_ok=True)
    with waiting(path.with_name(".asked.lock"), f"the list of runs asked for, {path}"):
        try:
            kept = [spec for spec in _asked(path)[0] if _without_versions(spec) not in again]
            before = {spec.identity: spec.model_dump(mode="json") for spec in kept}
        except BenchError:
            before = {}  # it holds no results: what is asked for now is worth more than what is torn
        with replace_file(path) as file:
            file.write(json.dumps(before | asked).encode())


def _without_versions(spec: RunSpec) -> str:
    return spec.model_dump_json(exclude={"dataset": {"version"}, "method": {"version"}, "protocol": True})


def of(store: Store) -> list[RunStatus]:
    """Return how far every run is that was asked for.

    A finished run whose files cannot be read counts as failed.

    Raises:
        BenchError: the list of what was asked for is damaged, or the store is of version 0.1.
    """
    specs, _ = _asked(store.asked)
    finished = {spec.identity: _finished(store, spec) for spec in specs if store.has(spec)}
    pace = Pace(found for found in finished.values() if isinstance(found, Record))
    return [_of(store, spec, pace, finished.get(spec.identity)) for spec in specs]


def problems(store: Store) -> list[str]:
    """Return a line for each entry of the list of what was asked for that is no run.

    Raises:
        BenchError: the list is damaged, or the store is of version 0.1.
    """
    return _asked(store.asked)[1]


def _asked(path: Path) -> tuple[list[RunSpec], list[str]]:
    """Return the runs that were asked for, and a line for each entry that is none.

    Raises:
        BenchError: the list of them is damaged.
    """
    if not path.is_file():
        return [], []
    try:
        content = parse_json(read_file(path, MOST_ASKED))
        if not isinstance(content, dict):
            raise ValueError("it is no list of runs")
    except ValueError as error:
        raise BenchError(f"{path} is damaged ({error}); delete it: it holds no results") from None
    specs, odd = list[RunSpec](), list[str]()
    for name, each in content.items():
        try:
            specs.append(validated(RunSpec, dict(each), "key of a run"))
        except (BenchError, TypeError, ValueError) as error:
            odd.append(f"{path} holds {name[:8]!r}, which is no run and is left out: {error}")
    if odd and not specs:
        raise BenchError(f"{path} is damaged ({odd[0]}); delete it: it holds no results")
    return specs, odd


def imported(store: Store) -> int:
    """Return how many runs of a store were trained elsewhere, as the names of their folders say."""
    return sum(run.path.name.startswith(f"{IMPORTED}-") for run in store.runs())


class Pace:
    """Seconds an epoch, from finished runs of the same method and recipe, else of the data set."""

    def __init__(self, records: Iterable[Record]) -> None:
        measured: dict[str, list[float]] = {}
        for record in records:
            if record.spec.recipe is None or record.cost.seconds is None:
                continue
            for key in self._keys(record.spec):
                measured.setdefault(key, []).append(record.cost.seconds / record.spec.recipe.epochs)
        self.medians = {key: statistics.median(seconds) for key, seconds in measured.items()}

    def seconds(self, spec: RunSpec, epochs: int) -> float | None:
        """Return the seconds of so many epochs of a run, or None if nothing like it was timed."""
        known = [self.medians[key] for key in self._keys(spec) if key in self.medians]
        return epochs * known[0] if known else None

    @staticmethod
    def _keys(spec: StoredSpec) -> tuple[str, str]:
        return f"{spec.dataset.name} {spec.label} {spec.recipe!r}", spec.dataset.name


def _of(store: Store, spec: RunSpec, pace: Pace, finished: Record | str | None) -> RunStatus:
    epochs = spec.recipe.epochs
    if isinstance(finished, Record):
        return RunStatus(spec, CellState.DONE)
    if finished is not None:
        return RunStatus(spec, CellState.FAILED, finished)
    place = store.path(spec)
    trained, kept = unfinished.epochs_done(place)
    if unfinished.is_taken(place):
        seconds = pace.seconds(spec, epochs - trained)
        return RunStatus(spec, CellState.RUNNING, f"epoch {trained} of {epochs} done", seconds)
    seconds = pace.seconds(spec, epochs - kept)
    if store.failure(spec).is_file():
        reason = _text(store.failure(spec)).partition("\n")[0]
        return RunStatus(spec, CellState.FAILED, reason, seconds)
    if unfinished.folder_of(place).is_dir():
        said = f"at the checkpoint of epoch {kept} of {epochs}"
        return RunStatus(spec, CellState.INTERRUPTED, said, seconds)
    return RunStatus(spec, CellState.LEFT, seconds=seconds)


def _finished(store: Store, spec: RunSpec) -> Record | str:
    """Return the record of a finished run, or why it cannot be read."""
    try:
        return store.read(spec)
    except StoreError as error:
        return one_line(error)


def _text(path: Path) -> str:
    try:
        return read_file(path).decode(errors="replace")
    except (OSError, ValueError):
        return ""
