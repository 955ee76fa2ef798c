"""The stored runs that a report, a comparison or a data frame is made of, their metrics up to date."""

import math
from collections import Counter
from pathlib import Path

import pandas as pd

from bench.errors import BenchError, one_line
from bench.evaluation.code_version import metrics_source
from bench.files import atomic_folders
from bench.report.grouping import told_apart, without_outdated
from bench.report.summaries import flat
from bench.store.prediction_files import PREDICTIONS, read_predictions
from bench.store.record import Record
from bench.store.store import Store
from bench.store.unfinished import UnderWay
from bench.version import PROTOCOL


def load_records(store: Store) -> tuple[list[Record], list[str]]:
    """Return the runs that count, their metrics up to date, and a line for everything that is left out."""
    records, problems = store.scan()
    records, stale = _refresh(store, records)
    kept, outdated = without_outdated(records)
    if outdated:
        problems.append(f"{outdated} runs are left out: the code of their plugins was run in a newer form")
    return told_apart(kept), problems + stale + _protocols(kept)


def _protocols(records: list[Record]) -> list[str]:
    """Return a line for each other protocol that runs were made under."""
    counts = Counter(record.spec.protocol for record in records if record.spec.protocol != PROTOCOL)
    return [
        f"{count} runs are of protocol {protocol}, this version's is {PROTOCOL}: where both were run, "
        f"they stand in rows of their own; `bench run` with the same options runs them again"
        for protocol, count in sorted(counts.items())
    ]


def frame(records: list[Record], results: Path) -> pd.DataFrame:
    """Return one row per run: what was run, what it cost, and every metric, nested names joined by dots."""
    columns: dict[str, list[object]] = {}
    for place, record in enumerate(records):
        for name, value in _row(record, results).items():
            column = columns.setdefault(name, [])
            column += [math.nan] * (place - len(column))
            column.append(value)
    for column in columns.values():
        column += [math.nan] * (len(records) - len(column))
    return pd.DataFrame(columns)


def _row(record: Record, results: Path) -> dict[str, object]:
    spec = record.spec
    return {
        "dataset": spec.dataset.name,
        "method": spec.method.name,
        "label": spec.label,
        "method_version": spec.method.version,
        "dataset_version": spec.dataset.version,
        "protocol": spec.protocol,
        "noise_kind": spec.noise.name,
        "noise_rate": record.noise.rate,
        "noise_seed": spec.noise.seed,
        "seed": spec.seed,
        "relabel": spec.relabel is not None,
        **flat(spec.recipe.model_dump(), "recipe."),
        **spec.model_dump(include={"held_out", "evaluate", "device", "precision"}),
        "flips": record.manifest["flips"],
        **flat(record.metrics),
        **record.cost,
        "identity": spec.identity,
        "path": record.path.relative_to(results).as_posix(),
    }


def _refresh(store: Store, records: list[Record]) -> tuple[list[Record], list[str]]:
    """Recompute metrics that older code made, where the predictions are here; say how many are not."""
    source = metrics_source()
    refreshed, problems, absent = [], [], 0
    for record in records:
        try:
            fresh = record.metrics_source == source
            refreshed.append(record if fresh else _recompute(store, record, source))
        except FileNotFoundError:
            refreshed.append(record)
            absent += 1
        except (BenchError, OSError, ValueError, KeyError, IndexError) as error:
            refreshed.append(record)
            problems.append(f"{record.path} keeps metrics of an earlier version of the code: {one_line(error)}")
    if absent:
        said = f"{absent} runs keep metrics from an earlier version of the code: their predictions are not here"
        problems.append(said)
    return refreshed, problems


def _recompute(store: Store, record: Record, source: str) -> Record:
    """Recompute a run's metrics while nobody else writes to its place, unless somebody just has.

    Raises:
        FileNotFoundError: its predictions are not here.
        BenchError: another program works on it.
    """
    for name in PREDICTIONS:
        (record.path / name).stat()
    place = atomic_folders.place_of(record.path)
    under_way = UnderWay.take(place)
    if under_way is None:
        raise BenchError("another program works on it")
    with under_way:
        found = store.read(place)
        return found if found.metrics_source == source else _computed(store, found, source)


def _computed(store: Store, record: Record, source: str) -> Record:
    from bench.evaluation import evaluate as evaluation  # and torch with it, which a report seldom needs

    test, shown = read_predictions(record.path, "test")
    train, seen = read_predictions(record.path, "train")
    label = shown["label"].to_numpy()
    if len(label) != record.metrics["samples"]:
        raise ValueError(f"test.parquet has {len(label)} rows, the record {record.metrics['samples']} samples")
    human = shown["human_entropy"].to_numpy() if "human_entropy" in shown else None
    given, true = seen["given"].to_numpy(), seen["true"].to_numpy()
    metrics, curves = evaluation.evaluate(test, label, train, given, true, human)
    return store.recompute(record, metrics, curves, source)
