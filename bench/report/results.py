"""Stored runs for reports, comparisons and data frames, with metrics up to date."""

from collections import Counter
from dataclasses import replace

from bench.errors import BenchError, one_line
from bench.evaluation.metrics import VALUES_SINCE, VERSION
from bench.plugins.plugin_folders import plugin_folders
from bench.plugins.registry import SINGULAR, Plugin, Registry
from bench.report.older_versions import is_in_flux, told_apart, without_outdated
from bench.report.scoring import Scoring
from bench.spec import IN_FLUX
from bench.store.csv_columns import to_csv
from bench.store.prediction_files import read_predictions
from bench.store.recomputed import filled_in, keep, recall
from bench.store.record import Record
from bench.store.record_models import NoiseManifest
from bench.store.store import Store
from bench.store.studies import read_studies, won_in
from bench.version import PROTOCOL

NAMED = 5  # runs in one message


def load_records(
    store: Store, registry: Registry | None = None, scoring: Scoring | None = None
) -> tuple[list[Record], list[str]]:
    """Return the runs to report, metrics up to date, and a line for all that is left out.

    Args:
        store: of the runs.
        registry: of the plugins that are here; None for those of the project, of packages and of
            BENCH_PLUGINS.
        scoring: post-hoc scores to show beside the stored ones.

    Raises:
        UsageError: the store is of version 0.1, or its pack is damaged.
    """
    records, problems = store.scan()
    records, stale = _refresh(store, records)
    kept, left_out = without_outdated(records, _code_here(records, registry or Registry(plugin_folders())))
    if left_out:
        problems.append(
            f"{len(left_out)} runs are left out, as the code of their plugins is not the code here: "
            f"{_named(left_out)}; `bench run` with the same options runs them with the code here, and a report "
            f"with their code (--plugins DIR) shows them; delete their folders if nobody needs them"
        )
    won = won_in(read_studies(store.results)[0])
    shown = [replace(record, searches=won.get(record.spec.identity, ())) for record in told_apart(kept)]
    lines = problems + stale + _protocols(kept) + _several_codes(shown)
    if scoring is None:
        return shown, lines
    scored, unscored = scoring.added_to(shown, store)
    return scored, lines + unscored


def _code_here(records: list[Record], registry: Registry) -> set[str]:
    """Return the versions in flux of the plugins here; empty if no run was made with one."""
    if not any(is_in_flux(record.spec) for record in records):
        return set()
    return {version for kind in SINGULAR for plugin in registry.all(kind).values() for version in _flux_of(plugin)}


def _flux_of(plugin: Plugin) -> list[str]:
    try:
        return [f"{IN_FLUX}{plugin.code}"]
    except (OSError, SyntaxError, ValueError):  # a plugin that does not parse made no run
        return []


def _named(records: list[Record]) -> str:
    paths = sorted(str(record.files) for record in records)
    return ", ".join(paths[:NAMED]) + (f" and {len(paths) - NAMED} more" if len(paths) > NAMED else "")


def _several_codes(records: list[Record]) -> list[str]:
    """Return a line for runs in rows of their own, because which code is newer is not known."""
    told = [r for r in records if is_in_flux(r.spec) and f"version {IN_FLUX}" in r.spec.label]
    if not told:
        return []
    return [
        f"{len(told)} runs stand in rows by the code of their plugins, as several codes made them and nothing "
        f"tells which is newest: {_named(told)}; --plugins DIR with the code of today shows its runs alone, and a "
        f"plugin that declares a version needs none of this"
    ]


def _protocols(records: list[Record]) -> list[str]:
    """Return a line for each other protocol that runs were made under."""
    counts = Counter(record.spec.protocol for record in records if record.spec.protocol not in (None, PROTOCOL))
    return [
        f"{count} runs are of protocol {protocol}, this version's is {PROTOCOL}: where both were run, they "
        f"stand in rows of their own; `bench run` with the same options runs them again"
        for protocol, count in sorted(counts.items())
    ]


def _refresh(store: Store, records: list[Record]) -> tuple[list[Record], list[str]]:
    """Recompute metrics of older code from predictions; say how many runs keep older values.

    A run whose predictions are not here gets the newer metrics that need none.
    """
    refreshed, problems, absent = [], [], 0
    for record in records:
        try:
            refreshed.append(record if record.metrics_version >= VERSION else _recomputed(store, record))
        except FileNotFoundError:
            refreshed.append(filled_in(record))
            absent += record.metrics_version < VALUES_SINCE
        except (BenchError, OSError, ValueError, KeyError, IndexError) as error:
            refreshed.append(record)
            problems.append(f"{record.files} keeps metrics of an earlier version of the code: {one_line(error)}")
    if absent:
        problems.append(
            f"{absent} runs keep metrics of an earlier version of the code: their predictions are not here"
        )
    return refreshed, problems


def _recomputed(store: Store, record: Record) -> Record:
    """Return a record with metrics of this version, from the cache or computed and kept there.

    Raises:
        FileNotFoundError: its predictions are not here.
    """
    if found := recall(store.recomputed, record, VERSION):
        return found
    from bench.store.assess import assess  # and torch with it, which a report seldom needs

    test = read_predictions(record.files, "test")
    has_train = isinstance(record.manifest, NoiseManifest)  # else it was imported without
    train = read_predictions(record.files, "train") if has_train else None
    if len(test.labels) != record.metrics.samples:
        raise ValueError(f"test.parquet has {len(test.labels)} rows, the record {record.metrics.samples} samples")
    made = assess(test, train)
    refreshed = record.with_metrics(made.metrics, made.metrics_version, to_csv(made.curves))
    keep(store.recomputed, refreshed)
    return refreshed
