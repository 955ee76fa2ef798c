"""Runs of older protocols, versions and code: left out, or in rows whose labels tell them."""

import json
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, fields
from typing import Any

from bench.report.natural_order import natural
from bench.report.setting import setting
from bench.spec import IN_FLUX, ImportedSpec, StoredSpec
from bench.store.record import Record


@dataclass(frozen=True)
class OlderRecord(Record):
    """A run of an older protocol or version than the newest; its row's label says which."""


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
    protocols, versions = dict[str, int](), dict[str, set[tuple[str, ...]]]()
    for record in records:
        spec, place = record.spec, repr(setting(record.spec))
        protocols[place] = max(protocols.get(place, 0), spec.protocol or 0)
        versions.setdefault(_row(spec), set()).add(_versions(spec))
    newest = {row: _newest(found) for row, found in versions.items()}
    labelled = [
        _labelled(record, protocols[repr(setting(record.spec))], newest[_row(record.spec)]) for record in records
    ]
    return _imports_told_apart(labelled)


def _imports_told_apart(records: list[Record]) -> list[Record]:
    """Return the runs; imports that share row, noise and seed are labelled by their arrays."""
    places = {id(record): repr((_row(record.spec), record.spec.noise, record.spec.seed)) for record in records}
    counts = Counter(places[id(record)] for record in records if isinstance(record.spec, ImportedSpec))
    return [
        _relabelled(record, f"arrays {record.spec.imported.sha256[:8]}", type(record))
        if isinstance(record.spec, ImportedSpec) and counts[places[id(record)]] > 1
        else record
        for record in records
    ]


def _newest(versions: set[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the newest versions of a row's plugins, empty if codes have no order."""
    declared = [each for each in versions if not _has_flux(each)]
    if declared:
        return max(declared, key=_age)
    return tuple(min(found) if len(found) == 1 else "" for found in map(set, zip(*versions, strict=True)))


def _age(versions: tuple[str, ...]) -> list[Any]:
    return [natural(version) for version in versions]


def _labelled(record: Record, protocol: int, newest: tuple[str, ...]) -> Record:
    own = (record.spec.protocol or 0, *_versions(record.spec))
    words = ("protocol", "data set's version", "version", "backbone's version")
    wanted = (protocol, *newest)
    other = [f"{word} {mine}" for word, mine, last in zip(words, own, wanted, strict=True) if mine != last]
    if not other:
        return record
    is_older = own[0] != protocol or not is_in_flux(record.spec)
    return _relabelled(record, ", ".join(other), OlderRecord if is_older else Record)


def _relabelled(record: Record, told: str, cls: type[Record]) -> Record:
    """Return a run in a row of its own, which its label tells in brackets."""
    same = {field.name: getattr(record, field.name) for field in fields(record)}
    same |= {"spec": record.spec.model_copy(update={"label": f"{record.spec.label} [{told}]"})}
    return cls(**same)


def _row(spec: StoredSpec) -> str:
    """Return the key of a table row: what counts, without code versions, noise and seed.

    The label stands for the hyper-parameters: one that a plugin gains belongs to its new version.
    """
    row = spec.counting
    for varying in ("noise", "seed", "protocol", "method", "imported", "backbone_version"):
        row.pop(varying, None)
    del row["dataset"]["version"]
    return json.dumps([spec.label, spec.method.name, row], sort_keys=True)


def _versions(spec: StoredSpec) -> tuple[str, ...]:
    """Return the versions of data set, method and backbone, which is empty unless of a plugin."""
    return spec.dataset.version, spec.method.version, spec.backbone_version or ""


def is_in_flux(spec: StoredSpec) -> bool:
    """Return whether a plugin of a run declares no version, so that its code counts."""
    return _has_flux(_versions(spec))


def _has_flux(versions: tuple[str, ...]) -> bool:
    return any(IN_FLUX in version for version in versions)


def _is_present(spec: StoredSpec, present: Container[str]) -> bool:
    """Return whether all code in flux that a run was made with is here."""
    # The versions of inner methods follow after a +.
    parts = [part for version in _versions(spec) for part in version.split("+") if part.startswith(IN_FLUX)]
    return bool(parts) and all(part in present for part in parts)
