"""Which stored runs belong in one table: those trained and evaluated under one setting.

A setting is a data set, a recipe and how results were taken; methods, noise and seeds vary inside.
"""

import hashlib
import json
import re
from collections.abc import Container
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from bench.recipe import Relabel
from bench.report.values import MethodLabel
from bench.spec import IN_FLUX, UNHASHED, Noise, RunSpec
from bench.store.record import Record

Point = tuple[str, float | None]  # of the noise axis, as `Noise.point` has it
SHOWN_CLASSES = 20  # a table with more columns, or a larger matrix, cannot be read


@dataclass(frozen=True)
class OlderRecord(Record):
    """A run of an older protocol or version than the newest; its row's label says which."""


@dataclass(frozen=True)
class Group:
    """The runs of one setting."""

    name: str  # for file names
    title: str
    records: list[Record]

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
        return sorted(labels, key=_natural)

    @cached_property
    def current(self) -> list[str]:
        """The row labels of the newest protocol and versions, sorted; only these compete."""
        older = {record.spec.label for record in self.records if isinstance(record, OlderRecord)}
        return [label for label in self.labels if label not in older]

    def shown(self, label: str) -> str:
        """Return a row label as people see it, with a mark if the method is told the noise rate."""
        return str(MethodLabel(label, label in self._oracles))

    @cached_property
    def _oracles(self) -> set[str]:
        return {record.spec.label for record in self.records if record.spec.oracle}

    @cached_property
    def noises(self) -> list[Noise]:
        """The points of the noise axis, by rate within a kind, seeds aside."""
        points = {record.spec.noise.point: record for record in self.records}
        found = [record.noise.model_copy(update={"seed": 0}) for record in points.values()]
        return sorted(found, key=_along_the_axis)

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


def _along_the_axis(noise: Noise) -> tuple[bool, str, float]:
    """Return a key that sorts by rate within a kind, symmetric noise and none first."""
    rate = noise.rate or 0.0
    return rate > 0 and noise.kind != "symmetric", noise.name, rate


def _natural(label: str) -> list[float | str]:
    """Return a key that sorts labels by text and the numbers in it, a sign after `=` included."""
    parts = re.split(r"((?:(?<==)-)?\d+(?:\.\d+)?(?:e[-+]?\d+)?)", label)
    return [float(part) if place % 2 else part for place, part in enumerate(parts)]


def setting(spec: RunSpec) -> dict[str, Any]:
    """Return what must be the same for runs to stand in one table."""
    return {
        "dataset": spec.dataset.name,
        **spec.dataset.hyperparameters,
        **({"content": spec.dataset.content} if spec.dataset.content else {}),
        **spec.recipe.model_dump(exclude=UNHASHED["recipe"]),
        **spec.model_dump(include={"held_out", "evaluate", "device", "precision"}),
    }


def without_outdated(records: list[Record], present: Container[str] = ()) -> tuple[list[Record], list[Record]]:
    """Return the runs to show, and those of plugins in flux that the present code has replaced.

    Which code is newer no date tells: clocks differ, and runs come from elsewhere. A run is left
    out only where its row has runs of the code that is here; all others stay.

    Args:
        records: of a store.
        present: the versions in flux, `code:…`, of the plugins that are here.
    """
    replaced = {_row(record.spec) for record in records if _is_present(record.spec, present)}
    shown, left_out = list[Record](), list[Record]()
    for record in records:
        spec = record.spec
        is_other = is_in_flux(spec) and not _is_present(spec, present)
        (left_out if is_other and _row(spec) in replaced else shown).append(record)
    return shown, left_out


def told_apart(records: list[Record]) -> list[Record]:
    """Return the runs, those of older protocols and versions as `OlderRecord`s, labelled as such.

    A row's runs thus come from one protocol and one version of method and data set. Protocols are
    told apart within a setting, versions within a row. Several codes of a plugin in flux have no
    order: each is labelled, none is older.
    """
    protocols, versions = dict[str, int](), dict[str, set[tuple[str, str]]]()
    for record in records:
        spec, place = record.spec, repr(setting(record.spec))
        protocols[place] = max(protocols.get(place, 0), spec.protocol)
        versions.setdefault(_row(spec), set()).add(_versions(spec))
    newest = {row: _newest(found) for row, found in versions.items()}
    return [
        _labelled(record, protocols[repr(setting(record.spec))], newest[_row(record.spec)]) for record in records
    ]


def _newest(versions: set[tuple[str, str]]) -> tuple[str, ...]:
    """Return the newest versions of a row's data set and method, empty if codes have no order."""
    declared = [each for each in versions if not _has_flux(each)]
    if declared:
        return max(declared, key=_age)
    return tuple(min(found) if len(found) == 1 else "" for found in map(set, zip(*versions, strict=True)))


def _age(versions: tuple[str, str]) -> list[Any]:
    return [_natural(version) for version in versions]


def _labelled(record: Record, protocol: int, newest: tuple[str, ...]) -> Record:
    own = (record.spec.protocol, *_versions(record.spec))
    words = ("protocol", "data set's version", "version")
    wanted = (protocol, *newest)
    other = [f"{word} {mine}" for word, mine, last in zip(words, own, wanted, strict=True) if mine != last]
    if not other:
        return record
    label = f"{record.spec.label} [{', '.join(other)}]"
    same = {field.name: getattr(record, field.name) for field in fields(record)}
    same |= {"spec": record.spec.model_copy(update={"label": label})}
    is_older = record.spec.protocol != protocol or not is_in_flux(record.spec)
    return (OlderRecord if is_older else Record)(**same)


def _row(spec: RunSpec) -> str:
    """Return the key of a table row: what counts, without code versions, noise and seed.

    The label stands for the hyper-parameters: one that a plugin gains belongs to its new version.
    """
    row = spec.counting
    for varying in ("noise", "seed", "protocol", "method"):
        del row[varying]
    del row["dataset"]["version"]
    return json.dumps([spec.label, spec.method.name, row], sort_keys=True)


def _versions(spec: RunSpec) -> tuple[str, str]:
    return spec.dataset.version, spec.method.version


def is_in_flux(spec: RunSpec) -> bool:
    """Return whether a run's method or data set declares no version, so that its code counts."""
    return _has_flux(_versions(spec))


def _has_flux(versions: tuple[str, str]) -> bool:
    return any(IN_FLUX in version for version in versions)


def _is_present(spec: RunSpec, present: Container[str]) -> bool:
    """Return whether all code in flux that a run was made with is here."""
    # The versions of inner methods follow after a +.
    parts = [part for version in _versions(spec) for part in version.split("+") if part.startswith(IN_FLUX)]
    return bool(parts) and all(part in present for part in parts)


def group(records: list[Record]) -> list[Group]:
    """Return the runs by setting, sorted by data set; titles tell a data set's settings apart."""
    by_setting: dict[str, list[Record]] = {}
    for record in records:
        key = record.spec.dataset.name + " " + repr(setting(record.spec))
        by_setting.setdefault(key, []).append(record)
    by_dataset: dict[str, list[list[Record]]] = {}
    for key in sorted(by_setting):
        members = by_setting[key]
        by_dataset.setdefault(members[0].spec.dataset.name, []).append(members)
    return [named for rivals in by_dataset.values() for named in _named(rivals)]


def relabel_pairs(group: Group, noise: Noise) -> dict[str, tuple[list[Record], list[Record]]]:
    """Return runs (without, with) relabelling of methods that have both, by the shorter label."""
    variants: dict[str, dict[bool, list[Record]]] = {}
    labels: dict[str, list[str]] = {}
    for record in group.records:
        spec = record.spec
        if spec.noise.point == noise.point and spec.relabel in (None, Relabel()):
            key = repr([spec.counting[part] for part in ("method", "dataset", "protocol")])
            variants.setdefault(key, {}).setdefault(spec.relabel is not None, []).append(record)
            labels.setdefault(key, []).append(spec.label)
    both = {min(labels[key], key=len): ways for key, ways in variants.items() if len(ways) == 2}
    return {name: (both[name][False], both[name][True]) for name in sorted(both)}


def _named(rivals: list[list[Record]]) -> list[Group]:
    """Return the groups of one data set, with names and titles that tell them apart."""
    settings = [setting(members[0].spec) for members in rivals]
    differing = _differing(settings)
    codes = _codes([_known(each) for each in settings]) if len(rivals) > 1 else [""]
    return [
        Group(f"{own['dataset']}{code}", _title(members, own, differing), members)
        for members, own, code in zip(rivals, settings, codes, strict=True)
    ]


def _known(own: dict[str, Any]) -> str:
    """Return a setting as text without what is None, so that optional keys can be added."""
    return repr({key: value for key, value in own.items() if value is not None})


def _differing(settings: list[dict[str, Any]]) -> set[str]:
    """Return the keys that do not have the same value in all settings."""
    first, keys = settings[0], {key for each in settings for key in each}
    return {key for key in keys if any(each.get(key) != first.get(key) for each in settings)}


def _codes(texts: list[str]) -> list[str]:
    """Return a suffix for each text: four hexadecimal digits, or as many as tell them apart."""
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    digits = next(n for n in range(4, 65) if len({each[:n] for each in hashes}) == len(hashes))
    return [f"-{each[:digits]}" for each in hashes]


def _title(members: list[Record], own: dict[str, Any], differing: set[str]) -> str:
    spec = members[0].spec
    told = {"dataset", "epochs", "evaluate", "train_limit"}
    names = {record.spec.recipe_name for record in members}
    facts = [
        spec.dataset.name,
        *([f"recipe {spec.recipe_name}"] if spec.recipe_name and len(names) == 1 else []),
        "1 epoch" if spec.recipe.epochs == 1 else f"{spec.recipe.epochs} epochs",
        *([f"{spec.recipe.train_limit} training images"] if spec.recipe.train_limit else []),
        "test set" if spec.evaluate == "test" else "held-out part (noisy labels)",
        *(f"{key} {value}" for key, value in own.items() if key in differing - told),
        seeds_of(members),
    ]
    return ", ".join(facts)


def seeds_of(records: list[Record]) -> str:
    """Return the seeds of runs as text, with which a setting's title ends."""
    seeds = sorted({record.spec.seed for record in records})
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
