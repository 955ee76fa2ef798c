"""Predictions that were made elsewhere become stored runs, one for each of their uncertainties."""

import hashlib
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from bench.data import label_noise
from bench.errors import UsageError
from bench.evaluation.outside_arrays import Predicted, read_outside
from bench.execution.context import Context
from bench.execution.known_labels import Arrays, Evaluated, check_fit, completed, find_evaluated
from bench.execution.provenance import environment, now
from bench.grid.noise_axis import parse_noise, resolve_noise
from bench.options import Options, Seed
from bench.plugins.registry import plugin_name
from bench.spec import IMPORTED, Choice, ImportedArrays, ImportedSpec, Name, Noise, StoredSpec
from bench.store.assess import assess
from bench.store.outcome import Outcome
from bench.store.record import StoreError, read_record
from bench.store.record_models import Cost, Environment, NoiseManifest, StatedNoise
from bench.store.store import Store
from bench.store.unfinished import UnderWay

FAR = 0.01  # part of wrong labels beyond the rate that is said, or below it, that makes a remark


class ImportRequest(Options):
    """What predictions are said to be: whose, on which data set, after which noise and seed."""

    name: Name
    dataset: Name
    noise: str
    seed: Seed = 0
    noise_seed: Seed | None = None  # None: the seed
    set: dict[str, dict[str, Any]] = Field({})  # options of the data set


class Import(NamedTuple):
    """What became of one uncertainty of a file."""

    outcome: Outcome
    is_new: bool  # False: it was there already


def import_arrays(arrays: Arrays, asked: ImportRequest, context: Context) -> list[Import]:
    """Store predictions as runs, one for each uncertainty; if one does not fit, none is stored.

    Raises:
        BenchError: an array does not fit the others or the data set, the name is taken, or what is
            asked for does not exist.
        OSError: the store cannot be written to.
    """
    _check_name(asked, context)
    of = find_evaluated(asked.dataset, _options(asked), arrays, context)
    noise = _noise(asked, context)
    found = read_outside(completed(arrays, of))
    for predicted in found.values():
        check_fit(predicted, of)
    outcomes = [_outcome(name, each, of, asked, noise, _remarks(arrays, of)) for name, each in found.items()]
    for outcome in outcomes:
        _check_place(outcome.spec, context.store)
    return [Import(outcome, _save(outcome, context.store)) for outcome in outcomes]


def _check_name(asked: ImportRequest, context: Context) -> None:
    if plugin_name(asked.name) in context.registry.all("methods"):
        raise UsageError(f"--name {asked.name}: is a method here; what was trained elsewhere needs another name")


def _options(asked: ImportRequest) -> dict[str, Any]:
    """Return the options of the data set.

    Raises:
        UsageError: there are options of something else.
    """
    named = {plugin_name(name): values for name, values in asked.set.items()}
    for name in named:
        if name != plugin_name(asked.dataset):
            raise UsageError(f"--set {name}.…: must be of the data set, {asked.dataset}")
    return dict(named.get(plugin_name(asked.dataset), {}))


def _noise(asked: ImportRequest, context: Context) -> Noise:
    point = parse_noise(asked.noise, asked.seed if asked.noise_seed is None else asked.noise_seed)
    plugin = context.registry.all("datasets").get(plugin_name(asked.dataset))
    return resolve_noise(point, plugin) if plugin else point


def _remarks(arrays: Arrays, of: Evaluated) -> list[str]:
    has_uncertainty = any(name.startswith("uncertainty") for name in arrays)
    unchecked = f"labels and classes are unchecked: {of.unknown_because}"
    return [
        *([] if has_uncertainty else ["no uncertainty was given: the own score is 1 − max softmax"]),
        *([unchecked] if of.data is None else []),
    ]


def _outcome(
    name: str, predicted: Predicted, of: Evaluated, asked: ImportRequest, noise: Noise, remarks: list[str]
) -> Outcome:
    classes = predicted.test.predictions.logits.shape[1]
    manifest = _manifest(predicted, noise, classes)
    return Outcome(
        _spec(name, predicted, of, asked, noise),
        list(of.data.class_names) if of.data else [str(k) for k in range(classes)],
        manifest,
        pd.DataFrame({"epoch": np.empty(0, np.int64)}),
        assess(predicted.test, predicted.train),
        Environment.model_validate(environment("cpu")),
        Cost(started=now(), seconds=None),
        [*remarks, *_remarks_on_noise(manifest, noise)],
    )


def _spec(name: str, predicted: Predicted, of: Evaluated, asked: ImportRequest, noise: Noise) -> ImportedSpec:
    return ImportedSpec(
        dataset=of.choice,
        method=Choice(name=asked.name, hyperparameters={}, version=IMPORTED),
        noise=noise,
        seed=asked.seed,
        label=f"{asked.name}{f' · {name}' if name else ''} ({IMPORTED})",
        imported=ImportedArrays(sha256=_digest(predicted), uncertainty=name or None),
    )


def _digest(predicted: Predicted) -> str:
    """Return the hash of a run's arrays, whatever kind of file they came in."""
    content = hashlib.sha256()
    for part in filter(None, predicted):
        for name, column in part.table().items():
            content.update(f"{name} {column.dtype.str} {len(column)} ".encode() + column.tobytes())
    return content.hexdigest()


def _manifest(predicted: Predicted, noise: Noise, classes: int) -> StatedNoise:
    """Return what is known of the noise: without training labels, what is said."""
    stated = noise.model_dump(mode="json", exclude_none=True)
    if predicted.train is None:
        return StatedNoise.model_validate(stated)
    true, given = (predicted.train.columns[name] for name in ("true", "given"))
    return NoiseManifest.model_validate(label_noise.manifest(true, given, classes, stated))


def _remarks_on_noise(manifest: StatedNoise, noise: Noise) -> list[str]:
    if not isinstance(manifest, NoiseManifest) or noise.rate is None:
        return []
    if abs(manifest.realised_rate - noise.rate) <= FAR:
        return []
    return [f"{100 * manifest.realised_rate:.3g}% of the training labels are wrong, --noise says {noise.label}"]


def _check_place(spec: StoredSpec, store: Store) -> None:
    """Check that no other arrays are there under the same name, data set, noise and seed.

    Raises:
        StoreError: there are, or what is there cannot be read.
    """
    for run in store.runs():
        if run.path.parent != store.path(spec).parent or not run.path.name.startswith(IMPORTED):
            continue
        try:
            other = read_record(run).spec
        except StoreError as error:
            raise StoreError(f"{error}; delete it to import again") from None
        if other.identity != spec.identity and _cell(other) == _cell(spec):
            raise StoreError(
                f"{spec.title}: other predictions were imported by this name; pass another --name, or delete {run}"
            )


def _cell(spec: StoredSpec) -> dict[str, Any]:
    """Return what tells a run of a cell of a table: all but its arrays."""
    counting = spec.counting
    return counting | {"imported": counting.get("imported", {}).get("uncertainty")}


def _save(outcome: Outcome, store: Store) -> bool:
    """Store a run; return False if it is there already.

    Raises:
        StoreError: another program imports it in this moment.
    """
    under_way = UnderWay.take(store.path(outcome.spec))
    if under_way is None:
        raise StoreError(f"{outcome.spec.title} is being imported by another program")
    try:
        if store.has(outcome.spec):
            return False
        store.save(outcome)
        return True
    finally:
        under_way.release(done=store.has(outcome.spec))
