"""Which stored runs belong in one table: those trained and evaluated under one setting.

A setting is a data set, a recipe and how results were taken; methods, noise and seeds vary inside.
The winners of a search are a setting, too: there each method has the recipe that was chosen for it.
Runs that were imported have no recipe here: they stand in every table of their data set's test set.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from bench.report.natural_order import natural
from bench.report.older_versions import OlderRecord
from bench.report.setting import evaluated_on, setting
from bench.report.setting_titles import (
    as_text,
    differing,
    shared_part,
    suffixes_of,
    title,
    told_by_name,
    values_told,
)
from bench.report.values import MethodLabel
from bench.spec import ImportedSpec, Noise
from bench.store.record import Record

Point = tuple[str, float | None]  # of the noise axis, as `Noise.point` has it
T = TypeVar("T")
SHOWN_CLASSES = 20  # a table with more columns, or a larger matrix, cannot be read


@dataclass(frozen=True)
class Group:
    """The runs of one setting."""

    name: str  # for file names
    title: str
    records: list[Record]
    is_tuned: bool = False  # whether these are the winners of a search
    recipe: str = ""  # what its recipe sets, where the title tells the recipe's name alone

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.records[0].spec.dataset.name

    @property
    def has_few_classes(self) -> bool:
        """Whether a table or a figure can show each class."""
        return len(self.records[0].classes) <= SHOWN_CLASSES

    @cached_property
    def labels(self) -> list[str]:
        """The methods' row labels, sorted, numbers in them by size."""
        labels = {record.spec.label for record in self.records}
        return sorted(labels, key=natural)

    @cached_property
    def current(self) -> list[str]:
        """The row labels of the newest protocol and versions, sorted; only these compete."""
        older = {record.spec.label for record in self.records if isinstance(record, OlderRecord)}
        return [label for label in self.labels if label not in older]

    def shown(self, label: str) -> str:
        """Return a row label as people see it, with a mark if the method is told the noise rate."""
        return str(self.method_labels[label])

    @cached_property
    def method_labels(self) -> dict[str, MethodLabel]:
        """What cells of a `Methods` column hold, by row label."""
        return {
            spec.label: MethodLabel(spec.label, spec.oracle, isinstance(spec, ImportedSpec))
            for spec in (record.spec for record in self.records)
        }

    @cached_property
    def noises(self) -> list[Noise]:
        """The points of the noise axis, by rate within a kind, seeds aside."""
        known_last = sorted(self.records, key=lambda record: record.noise.rate is not None)
        points = {record.spec.noise.point: record for record in known_last}
        found = [record.noise.model_copy(update={"seed": 0}) for record in points.values()]
        return sorted(_confusions_apart(_files_apart(found)), key=_along_the_axis)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made under a key, made the first time: tables and page share it."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    @cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    def cell(self, label: str, noise: Noise) -> list[Record]:
        """Return the runs of one method at one noise, by seed."""
        return list(self._cells.get((label, noise.point), ()))

    def cells(self) -> list[tuple[Noise, str, list[Record]]]:
        """Return all cells that have runs, by noise, then method."""
        everything = [(noise, label, self.cell(label, noise)) for noise in self.noises for label in self.labels]
        return [cell for cell in everything if cell[2]]

    @cached_property
    def _cells(self) -> dict[tuple[str, Point], list[Record]]:
        found: dict[tuple[str, Point], list[Record]] = {}
        for record in sorted(self.records, key=lambda record: (record.spec.seed, record.spec.noise.seed)):
            spec = record.spec
            found.setdefault((spec.label, spec.noise.point), []).append(record)
        return found


def _files_apart(points: list[Noise]) -> list[Noise]:
    """Return the points; label files of one name get the hash of their content into theirs."""
    names = Counter(point.name for point in points)
    return [_with_hash(point) if point.file and names[point.name] > 1 else point for point in points]


def _confusions_apart(points: list[Noise]) -> list[Noise]:
    """Return the points; those of one label that confuse other classes tell the hash of these."""
    labels = Counter(point.label for point in points)
    return [
        point.model_copy(update={"apart": point.confusions_hash})
        if point.confusions and labels[point.label] > 1
        else point
        for point in points
    ]


def _with_hash(point: Noise) -> Noise:
    assert point.file is not None
    file = point.file.model_copy(update={"stem": f"{point.file.stem}-{point.file.source}"})
    return point.model_copy(update={"file": file})


def _along_the_axis(noise: Noise) -> tuple[bool, str, float]:
    """Return a key that sorts by rate within a kind, symmetric noise and none first."""
    rate = noise.rate or 0.0
    return rate > 0 and noise.kind != "symmetric", noise.name, rate


def group(records: list[Record]) -> list[Group]:
    """Return the runs by setting, sorted by data set; titles tell a data set's settings apart.

    The winners of a search stand together, before a data set's other settings. A setting of such
    winners only is left out, as it is part of theirs.
    Imported runs come last in every group of runs evaluated on their images, else in one of theirs.
    """
    trained = [record for record in records if not isinstance(record.spec, ImportedSpec)]
    ordinary = _by_key((repr(setting(record.spec)), record) for record in trained)
    ordinary = {key: runs for key, runs in ordinary.items() if not all(record.searches for record in runs)}
    tuned = _by_key((search, _as_winner(record)) for record in trained for search in record.searches)
    there = [*ordinary.values(), *tuned.values()]
    for record in (each for each in records if isinstance(each.spec, ImportedSpec)):
        images = evaluated_on(record.spec)
        joined = [runs for runs in there if evaluated_on(runs[0].spec) == images]
        for runs in joined or [ordinary.setdefault((record.spec.dataset.name, repr(images)), [])]:
            runs.append(record)
    return [
        each
        for name in sorted({name for name, _ in [*ordinary, *tuned]})
        for each in [*_tuned(_of_dataset(name, tuned)), *_named(_of_dataset(name, ordinary))]
    ]


def _by_key(keyed: Iterable[tuple[str, Record]]) -> dict[tuple[str, str], list[Record]]:
    """Return runs by their data set and key."""
    found: dict[tuple[str, str], list[Record]] = {}
    for key, record in keyed:
        found.setdefault((record.spec.dataset.name, key), []).append(record)
    return found


def _of_dataset(name: str, by_key: dict[tuple[str, str], list[Record]]) -> dict[str, list[Record]]:
    """Return a data set's runs by their key alone, in its order."""
    return {key: by_key[dataset, key] for dataset, key in sorted(by_key) if dataset == name}


def _as_winner(record: Record) -> Record:
    """Return a run in the row of its method; the search's table tells which configuration won.

    What else its label tells stays: relabelling other than the method's own, and an older version.
    """
    spec = record.spec
    relabelling = re.search(r"\brelabel=(on|off)\b", spec.label)
    told = f"({relabelling.group()})" if relabelling else ""
    _, bracket, mark = spec.label.partition(" [")
    return replace(record, spec=spec.model_copy(update={"label": f"{spec.method.name}{told}{bracket}{mark}"}))


class Place(NamedTuple):
    """Where a run stands in tables: the name of its setting, and its row."""

    setting: str
    label: str


def places(records: list[Record]) -> dict[str, Place]:
    """Return where each run stands, by its identity; a setting of one recipe goes before others."""
    return {
        record.spec.identity: Place(members.name, record.spec.label)
        for members in group(records)
        for record in members.records
    }


def _named(by_setting: dict[str, list[Record]]) -> list[Group]:
    """Return the groups of one data set, with names and titles that tell them apart."""
    rivals = list(by_setting.values())
    settings = [setting(members[0].spec) for members in rivals]
    apart = differing(settings)
    suffixes = suffixes_of([as_text(each) for each in settings])
    found = []
    for members, own, suffix in zip(rivals, settings, suffixes, strict=True):
        named = apart & told_by_name(members, rivals)
        told = ", ".join(values_told(own, named))
        found.append(Group(f"{own['dataset']}{suffix}", title(members, own, apart - named), members, recipe=told))
    return found


def _tuned(by_search: dict[str, list[Record]]) -> list[Group]:
    """Return the groups of one data set's searches, with names and titles that tell them apart."""
    return [
        Group(
            f"{members[0].spec.dataset.name}-tuned{f'-{search}' if len(by_search) > 1 else ''}",
            title(members, shared_part(members), set(), f"tuned (search {search})"),
            members,
            is_tuned=True,
        )
        for search, members in by_search.items()
    ]
