"""Post-hoc scores over stored runs: metrics beside those of own and msp, in memory and a cache.

Folders of runs are not written to. What needs torch is imported where it is used.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from bench.errors import BenchError, DataError, UsageError, one_line, place
from bench.evaluation.metrics import VERSION
from bench.evaluation.predictions import Predictions
from bench.evaluation.score_names import SCORE_NAMES
from bench.files.atomic import replace_file
from bench.plugins.hyperparameters import resolve
from bench.plugins.registry import Plugin, Registry, is_taken, plugin_name
from bench.report.score_metrics import BY_SCORE, metrics_of
from bench.report.stored_parts import Parts
from bench.store.csv_columns import to_csv
from bench.store.record import Record
from bench.store.record_models import Metrics
from bench.store.store import Store


class Asked(NamedTuple):
    """A score that was asked for, with all its hyper-parameters."""

    plugin: Plugin
    values: dict[str, Any]

    @property
    def key(self) -> str:
        """Name of its folder in the cache: new code or other hyper-parameters have another."""
        content = json.dumps([self.plugin.version, self.values, VERSION], sort_keys=True, default=str)
        return f"{self.plugin.name}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Scoring:
    """Scores to compute over stored runs, and where data sets are for those that need them."""

    asked: tuple[Asked, ...]
    registry: Registry
    data_root: Path

    @classmethod
    def of(
        cls, names: Iterable[str], settings: Mapping[str, dict[str, Any]], registry: Registry, data_root: Path
    ) -> "Scoring | None":
        """Return the scores of these names, None if all are those that every run has.

        Raises:
            UsageError: a name is unknown, or a hyper-parameter does not fit.
            PluginError: a plugin does not load.
        """
        for plugin in registry.all("scores").values():
            if is_taken(plugin):
                raise UsageError(f"{plugin.path}: there is a score {plugin.name} already; rename the file")
        wanted = list(dict.fromkeys(plugin_name(name) for name in names if name not in SCORE_NAMES))
        given = {plugin_name(name): values for name, values in settings.items()}
        if odd := [name for name in given if name not in wanted]:
            raise UsageError(f"--set {odd[0]}.…: must be of a score that --scores names")
        plugins = [registry.find("scores", name) for name in wanted]
        asked = [Asked(each, resolve(each.name, each.load(), given.get(each.name, {}))) for each in plugins]
        return cls(tuple(asked), registry, data_root) if asked else None

    def added_to(self, records: list[Record], store: Store) -> tuple[list[Record], list[str]]:
        """Return records with metrics of the scores, and a line for each reason that some lack."""
        problems = list[str]()
        for asked in self.asked:
            made = [self._one(asked, record, store) for record in records]
            lacking = defaultdict[str, list[Record]](list)
            for record, reason in made:
                if reason:
                    lacking[reason].append(record)
            problems += [_told(asked, those, reason) for reason, those in lacking.items()]
            records = [record for record, _ in made]
        return records, problems

    def _one(self, asked: Asked, record: Record, store: Store) -> tuple[Record, str]:
        """Return a record with one more score, and why it is undefined there, if it is."""
        place_kept = store.recomputed / "scores" / asked.key / f"{record.spec.identity}.json"
        found = _recalled(place_kept, record)
        try:
            if found is None:
                found = self._computed(asked, record, store)
                _keep(place_kept, record, found)
            return _with(record, asked.plugin.name, found), ""
        except (Exception, SystemExit) as error:  # a plugin may raise anything
            return _with(record, asked.plugin.name, None), _reason(asked, error)

    def _computed(self, asked: Asked, record: Record, store: Store) -> dict[str, Any]:
        parts = self._parts(record, store)
        test = parts.test()
        return metrics_of(self._uncertainty(asked, test.predictions, parts), test)

    def of_images(self, record: Record, test: Predictions, store: Store) -> dict[str, Float[np.ndarray, " n"]]:
        """Return the uncertainty (N,) that each score gives to N images, larger = less sure.

        Args:
            record: of the run that predicted them.
            test: its predictions of them, stored or not.
            store: of the run.

        Raises:
            DataError: a score needs what the run has not, or fails; the line says which and why.
        """
        made, parts = {}, self._parts(record, store)
        for asked in self.asked:
            try:
                made[asked.plugin.name] = self._uncertainty(asked, test, parts)
            except (Exception, SystemExit) as error:  # a plugin may raise anything
                raise DataError(_told(asked, [record], _reason(asked, error))) from None
        return made

    def _parts(self, record: Record, store: Store) -> Parts:
        return Parts(record, store, self.registry, self.data_root)

    def _uncertainty(self, asked: Asked, test: Predictions, parts: Parts) -> Float[np.ndarray, " n"]:
        from bench.plugins.fence import fenced
        from bench.plugins.score import scored
        from bench.training.seeding import seed

        cls = asked.plugin.load()
        train = parts.training(cls.needs)
        with fenced(asked.plugin.path, lambda: seed(0)):
            return scored(cls(**asked.values), test, train)


def _reason(asked: Asked, error: BaseException) -> str:
    """Return why a run has no such score; of a plugin's fault also where it is."""
    if isinstance(error, DataError):
        return one_line(error)
    where = "" if isinstance(error, BenchError) else place(error, asked.plugin.path)
    return f"{asked.plugin.path}: {one_line(error)}{where}"


def _told(asked: Asked, records: list[Record], reason: str) -> str:
    """Return one line on the runs that lack a score for one reason."""
    more = f" and {len(records) - 1} more runs" if len(records) > 1 else ""
    return f"score {asked.plugin.name} of {records[0].files}{more}: {reason}"


def _recalled(path: Path, record: Record) -> dict[str, Any] | None:
    """Return what is kept of a run, None if it is torn or of another outcome."""
    try:
        kept = json.loads(path.read_bytes())
        if kept.pop("outcome") != record.outcome:
            return None
        _with(record, "kept", kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return kept


def _keep(path: Path, record: Record, found: dict[str, Any]) -> None:
    """Keep what was found, if the folder can be written to."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as file:
            file.write(json.dumps({"outcome": record.outcome, **found}).encode())


def _with(record: Record, name: str, found: dict[str, Any] | None) -> Record:
    """Return a record with a score's metrics and curve; None: it is undefined there."""
    entries = record.metrics.entries()
    for part in BY_SCORE:
        if isinstance(entries.get(part), dict):
            value = _nothing(entries[part].get("own")) if found is None else found.get(part)
            entries[part] = entries[part] | {name: value}
    curve = np.full(len(record.curves["rejected"]), np.nan) if found is None else found["curve"]
    curves = pd.DataFrame({**record.curves, name: np.array(curve, dtype=float)})
    return record.with_metrics(Metrics.model_validate(entries), record.metrics_version, to_csv(curves))


def _nothing(like: Any) -> Any:
    return {key: _nothing(value) for key, value in like.items()} if isinstance(like, dict) else None
