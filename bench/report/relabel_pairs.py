"""Runs of one method with and without relabelling, side by side."""

from bench.recipe import Relabel
from bench.report.grouping import Group
from bench.spec import ImportedSpec, Noise
from bench.store.record import Record


def relabel_pairs(group: Group, noise: Noise) -> dict[str, tuple[list[Record], list[Record]]]:
    """Return runs (without, with) relabelling of methods that have both, by the shorter label."""
    variants: dict[str, dict[bool, list[Record]]] = {}
    labels: dict[str, list[str]] = {}
    for record in group.records:
        spec = record.spec
        if isinstance(spec, ImportedSpec):
            continue
        if spec.noise.point == noise.point and spec.relabel in (None, Relabel()):
            same = ("method", "dataset", "protocol", "backbone_version")
            key = repr([spec.counting.get(part) for part in same])
            variants.setdefault(key, {}).setdefault(spec.relabel is not None, []).append(record)
            labels.setdefault(key, []).append(spec.label)
    both = {min(labels[key], key=len): ways for key, ways in variants.items() if len(ways) == 2}
    return {name: (both[name][False], both[name][True]) for name in sorted(both)}
