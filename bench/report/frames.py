"""Data frames of stored runs: one row per run, per epoch, or per point of a rejection curve.

The columns of `keys` stand in all of them, so that frames can be merged: `identity` tells the run,
and (setting, noise, label) its cell in tables and in the frame of a comparison.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from bench.report.grouping import Place, places
from bench.report.summaries import flat
from bench.spec import ImportedSpec
from bench.store.record import Record
from bench.store.record_models import NoiseManifest

Columns = dict[str, list[object]]


def frame(records: list[Record], results: Path) -> pd.DataFrame:
    """Return one row per run: what was run, cost and metrics, nested names joined by dots."""
    there = places(records)
    rows = (_row(record, there[record.spec.identity], results) for record in records)
    return pd.DataFrame(_columns(rows))


def epochs_frame(records: list[Record]) -> pd.DataFrame:
    """Return the logs of runs, one row per epoch; NaN where a run has no such column."""
    there = places(records)
    return _joined(
        pd.DataFrame(keys(record, there[record.spec.identity]) | dict(record.epochs)) for record in records
    )


def curves_frame(records: list[Record]) -> pd.DataFrame:
    """Return rejection curves of runs, one row per run, score and rejected part.

    Columns after the keys: `score`, `rejected` (part of the images, 0–1) and `accuracy`.
    """
    there = places(records)
    return _joined(
        pd.DataFrame(
            keys(record, there[record.spec.identity])
            | {"score": score, "rejected": curves["rejected"], "accuracy": accuracy}
        )
        for record in records
        for curves in [record.curves]
        for score, accuracy in curves.items()
        if score != "rejected"
    )


def keys(record: Record, place: Place) -> dict[str, object]:
    """Return the columns that tell a run in every frame.

    Args:
        record: of the run.
        place: where it stands in tables.
    """
    spec = record.spec
    return {
        "identity": spec.identity,
        "setting": place.setting,
        "dataset": spec.dataset.name,
        "method": spec.method.name,
        "label": place.label,
        "noise": record.noise.label,
        "seed": spec.seed,
    }


def _row(record: Record, place: Place, results: Path) -> dict[str, object]:
    spec = record.spec
    shared = keys(record, place)
    identity = shared.pop("identity")
    return {
        **shared,
        "imported": isinstance(spec, ImportedSpec),
        **({"imported_arrays": spec.imported.sha256} if isinstance(spec, ImportedSpec) else {}),
        "recipe_name": spec.recipe_name,
        **_settings(spec.method.hyperparameters, "method."),
        "method_version": spec.method.version,
        **_settings(spec.dataset.hyperparameters, "dataset."),
        "dataset_version": spec.dataset.version,
        "dataset_content": spec.dataset.content,
        "protocol": spec.protocol,
        "oracle": spec.oracle,
        "noise_kind": spec.noise.name,
        "noise_rate": record.noise.rate,
        "noise_seed": spec.noise.seed,
        **({"noise_file": spec.noise.file.source} if spec.noise.file else {}),
        "noise_confusions": spec.noise.confusions,
        "relabel": None if spec.recipe is None else spec.relabel is not None,
        **_settings(spec.relabel.model_dump() if spec.relabel else {}, "relabel."),
        **(_settings(spec.recipe.model_dump(), "recipe.") if spec.recipe else {}),
        "backbone_version": spec.backbone_version,
        **spec.model_dump(include={"held_out", "evaluate", "device", "precision"}),
        "flips": record.manifest.flips if isinstance(record.manifest, NoiseManifest) else None,
        **flat(record.metrics.entries()),
        **record.cost.entries(),
        "identity": identity,
        "path": record.path.relative_to(results).as_posix(),
    }


def _settings(content: dict[str, Any], prefix: str) -> dict[str, object]:
    """Return settings by dotted names; lists are tuples, which can be grouped by."""
    return {name: _hashable(value) for name, value in flat(content, prefix).items()}


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value


def _columns(rows: Iterable[dict[str, object]]) -> Columns:
    """Return columns in the order in which rows name them first, NaN where a row has none.

    A column of a later row stands behind the one that comes before it there.
    """
    found, order = Columns(), list[str]()
    for count, row in enumerate(rows):
        before = None
        for name, value in row.items():
            if name not in found:
                found[name] = [math.nan] * count
                order.insert(0 if before is None else order.index(before) + 1, name)
            found[name].append(value)
            before = name
        for column in found.values():
            column += [math.nan] * (count + 1 - len(column))
    return {name: found[name] for name in order}


def _joined(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    made = list(frames)
    return pd.concat(made, ignore_index=True) if made else pd.DataFrame()
