"""State of each run that was asked for (done, running, failed, …), and the time that is left."""

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.files.atomic import replace_file
from bench.files.locks import waiting
from bench.files.reading import parse_json, read_file
from bench.spec import Cell, CellState, RunSpec, validated
from bench.store import unfinished
from bench.store.record import Record, StoreError
from bench.store.store import Store


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
            kept = [spec for spec in _asked(path) if _without_versions(spec) not in again]
            before = {spec.identity: spec.model_dump(mode="json") for spec in kept}
        except BenchError:
            before = {}  # it holds no results: what is asked for now is worth more than what is torn
        with replace_file(path) as file:
            file.write(json.dumps(before | asked).encode())


def _without_versions(spec: RunSpec) -> str:
    return spec.model_dump_json(exclude={"dataset": {"version"}, "method": {"version"}, "protocol": True})


def of(store: Store) -> list[RunStatus]:
    """Return how far every run is that was asked for.

    Raises:
        BenchError: the list of what was asked for is damaged, or the store is of version 0.1.
    """
    specs = _asked(store.asked)
    pace = Pace(record for spec in specs if store.has(spec) for record in _readable(store, spec))
    return [_of(store, spec, pace) for spec in specs]


def _asked(path: Path) -> list[RunSpec]:
    """Return the runs that were asked for.

    Raises:
        BenchError: the list of them is damaged.
    """
    if not path.is_file():
        return []
    try:
        content = parse_json(read_file(path))
        if not (isinstance(content, dict) and all(isinstance(each, dict) for each in content.values())):
            raise ValueError("it is no list of runs")
        return [validated(RunSpec, each, "key of a run") for each in content.values()]
    except (ValueError, BenchError) as error:
        raise BenchError(f"{path} is damaged ({error}); delete it: it holds no results") from None


class Pace:
    """Seconds an epoch, from finished runs of the same method and recipe, else of the data set."""

    def __init__(self, records: Iterable[Record]) -> None:
        measured: dict[str, list[float]] = {}
        for record in records:
            for key in self._keys(record.spec):
                measured.setdefault(key, []).append(record.cost.seconds / record.spec.recipe.epochs)
        self.medians = {key: statistics.median(seconds) for key, seconds in measured.items()}

    def seconds(self, spec: RunSpec, epochs: int) -> float | None:
        """Return the seconds of so many epochs of a run, or None if nothing like it was timed."""
        known = [self.medians[key] for key in self._keys(spec) if key in self.medians]
        return epochs * known[0] if known else None

    @staticmethod
    def _keys(spec: RunSpec) -> tuple[str, str]:
        return f"{spec.dataset.name} {spec.label} {spec.recipe!r}", spec.dataset.name


def _of(store: Store, spec: RunSpec, pace: Pace) -> RunStatus:
    epochs = spec.recipe.epochs
    if store.has(spec):
        return RunStatus(spec, CellState.DONE)
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


def _readable(store: Store, spec: RunSpec) -> list[Record]:
    try:
        return [store.read(spec)]
    except StoreError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
