"""Which stored runs belong in one table: those trained and evaluated under one setting.

A setting is a data set, a recipe and how results were taken; methods, noise and seeds vary inside it.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from bench.spec import Noise, Relabel, RunSpec
from bench.store import Record


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
    def labels(self) -> list[str]:
        """The methods' row labels, sorted, numbers in them by size."""
        labels = {record.spec.label for record in self.records}
        return sorted(labels, key=_natural)

    @property
    def noises(self) -> list[Noise]:
        """The points of the noise axis, by rate within a kind, seeds aside."""
        points = {(record.spec.noise.kind, record.spec.noise.rate) for record in self.records}
        ordered = sorted(points, key=lambda point: (point[1] > 0 and point[0] != "symmetric", *point))
        return [Noise(kind=kind, rate=rate, seed=0) for kind, rate in ordered]

    def cell(self, label: str, noise: Noise) -> list[Record]:
        """Return the runs of one method at one noise, by seed."""
        found = [
            record
            for record in self.records
            if record.spec.label == label
            and (record.spec.noise.kind, record.spec.noise.rate) == (noise.kind, noise.rate)
        ]
        return sorted(found, key=lambda record: (record.spec.seed, record.spec.noise.seed))

    def cells(self) -> list[tuple[Noise, str, list[Record]]]:
        """Return all cells that have runs, by noise, then method."""
        everything = [(noise, label, self.cell(label, noise)) for noise in self.noises for label in self.labels]
        return [cell for cell in everything if cell[2]]


def _natural(label: str) -> list[float | str]:
    """Return a key that sorts labels by their text and the numbers in it, a sign after `=` included."""
    parts = re.split(r"((?:(?<==)-)?\d+(?:\.\d+)?(?:e[-+]?\d+)?)", label)
    return [float(part) if place % 2 else part for place, part in enumerate(parts)]


def setting(spec: RunSpec) -> dict[str, Any]:
    """Return what must be the same for runs to stand in one table."""
    return {
        "dataset": spec.dataset.name,
        **spec.dataset.hyperparameters,
        **spec.recipe.model_dump(exclude={"pretrained": {"path"}}),
        **spec.model_dump(include={"held_out", "evaluate", "device", "precision"}),
    }


def newest(records: list[Record]) -> tuple[list[Record], int]:
    """Return the runs less those made with plugins that have changed since, and how many those are.

    A row's runs thus come from one source of its method and its data set: the newest that was run.
    """
    sources: dict[str, tuple[str, str]] = {}
    for record in sorted(records, key=lambda record: record.cost["started"]):
        sources[_row(record.spec)] = _sources(record.spec)
    kept = [record for record in records if _sources(record.spec) == sources[_row(record.spec)]]
    return kept, len(records) - len(kept)


def _row(spec: RunSpec) -> str:
    return spec.model_dump_json(exclude={"dataset": {"source"}, "method": {"source"}, "noise": True, "seed": True})


def _sources(spec: RunSpec) -> tuple[str, str]:
    return spec.dataset.source, spec.method.source


def group(records: list[Record]) -> list[Group]:
    """Return the runs by setting, sorted by data set; titles tell the settings of one data set apart."""
    by_setting: dict[str, list[Record]] = {}
    for record in records:
        key = record.spec.dataset.name + " " + repr(setting(record.spec))
        by_setting.setdefault(key, []).append(record)
    ordered = [by_setting[key] for key in sorted(by_setting)]
    return [_named(members, ordered) for members in ordered]


def relabel_pairs(group: Group, noise: Noise) -> dict[str, tuple[list[Record], list[Record]]]:
    """Return the runs (without, with) relabelling of each method that has both, by its shorter label."""
    variants: dict[str, dict[bool, list[Record]]] = {}
    labels: dict[str, list[str]] = {}
    for record in group.records:
        spec = record.spec
        if (spec.noise.kind, spec.noise.rate) == (noise.kind, noise.rate) and spec.relabel in (None, Relabel()):
            key = repr(spec.method)
            variants.setdefault(key, {}).setdefault(spec.relabel is not None, []).append(record)
            labels.setdefault(key, []).append(spec.label)
    both = {min(labels[key], key=len): ways for key, ways in variants.items() if len(ways) == 2}
    return {name: (both[name][False], both[name][True]) for name in sorted(both)}


def _named(members: list[Record], everything: list[list[Record]]) -> Group:
    spec = members[0].spec
    own = setting(spec)
    rivals = [setting(other[0].spec) for other in everything if other[0].spec.dataset.name == spec.dataset.name]
    told = {"dataset", "epochs", "evaluate", "train_limit"}
    differing = [
        f"{key} {value}"
        for key, value in own.items()
        if key not in told and any(other.get(key) != value for other in rivals)
    ]
    seeds = sorted({record.spec.seed for record in members})
    facts = [
        spec.dataset.name,
        f"{spec.recipe.epochs} epochs",
        *([f"{spec.recipe.train_limit} training images"] if spec.recipe.train_limit else []),
        "test set" if spec.evaluate == "test" else "held-out part (noisy labels)",
        *differing,
        f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}",
    ]
    code = hashlib.sha256(repr(own).encode()).hexdigest()[:4]
    name = f"{spec.dataset.name}-{code}" if len(rivals) > 1 else spec.dataset.name
    return Group(name, ", ".join(facts), members)
