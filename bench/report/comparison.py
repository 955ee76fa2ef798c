"""Comparison of methods by one metric: runs are chosen, paired and tested, tables written."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from bench.errors import UsageError, unknown
from bench.evaluation.metrics import has_better_side
from bench.files.atomic import renewed_folder, write_text
from bench.files.locks import waiting
from bench.report.figures.critical_difference import draw
from bench.report.figures.style import save
from bench.report.grouping import Group, group, settings_by_name
from bench.report.results import load_records
from bench.report.statistics.paired import Contrast, contrasts, ranks
from bench.report.statistics.ranks import Ranks
from bench.report.summaries import metric_names
from bench.report.table import Table
from bench.report.tables.differences import comparison_table, ranks_table
from bench.report.tables.shared_columns import method_labels
from bench.store.record import Record
from bench.store.store import Store


@dataclass(frozen=True)
class Comparison:
    """Differences between methods in one metric, over the runs of a results folder."""

    metric: str
    found: list[tuple[Group, list[Contrast]]]
    ranks: Ranks | None
    dropped: int  # blocks that lack a method
    problems: list[str]

    def frame(self) -> pd.DataFrame:
        """Return one row for each pair of methods and each noise, by `setting` of the data set."""
        rows = [{"setting": of.name, **each._asdict()} for of, found in self.found for each in found]
        return pd.DataFrame(rows)

    def tables(self, *, brief: bool = False) -> list[Table]:
        """Return a table for each setting, and one of mean ranks of three methods or more."""
        made = [comparison_table(of, self.metric, found, brief=brief) for of, found in self.found]
        if self.ranks is None:
            return made
        labels = method_labels(record for of, _ in self.found for record in of.records)
        return [*made, ranks_table(self.ranks, self.metric, self.dropped, labels)]

    def write(self, folder: Path) -> Path:
        """Write tables, diagram and a page of both into a folder named as the metric.

        Returns:
            The path of the page.
        """
        place = folder / self.metric
        with waiting(folder / ".lock", f"the comparison in {place}"), renewed_folder(place) as new:
            page = [f"# {self.metric}\n"]
            for table in self.tables():
                table.write(new)
                page.append(table.markdown())
            if self.ranks:
                save(draw(self.ranks, self.metric), new / "ranks.png")
                page.append("![Critical-difference diagram](ranks.png)\n")
            write_text(new / "README.md", "\n".join(page))
        return place / "README.md"


def load(
    results: Path, datasets: list[str], methods: list[str], metric: str, against: str | None = None
) -> Comparison:
    """Compare the runs of a results folder.

    Args:
        results: the folder of the store.
        datasets, methods: names that are compared, all if empty; a method's row label will do, too.
        metric: a metric's dotted name.
        against: the row label that every other is compared with; an older row's will do, too,
            though such rows are else left out.

    Raises:
        UsageError: an unknown name, or nothing to compare.
    """
    store = Store(results)
    if not store.exists():
        raise UsageError(f"--results {results}: there is no folder {store.root}; `bench run` makes it")
    records, problems = load_records(store)
    if not records:
        raise UsageError(f"--results {results}: no run has ended there yet")
    metrics = {name for record in records for name in metric_names(record) if has_better_side(name)}
    _check("metric", [metric], metrics)
    _check("data set", datasets, {record.spec.dataset.name for record in records})
    _check("method", methods, {name for record in records for name in _names(record)})
    labels = {record.spec.label for record in records}
    _check("method", [] if against is None else [against], labels)
    groups = _named_as_all([record for record in records if _wanted(record, datasets, methods, against)], records)
    found = [(of, made) for of in groups if (made := contrasts(of, metric, against))]
    if not found:
        raise _nothing(metric, groups)
    return Comparison(metric, found, *ranks([of for of, _ in found], metric), problems)


def _named_as_all(wanted: list[Record], records: list[Record]) -> list[Group]:
    """Return the settings of the runs that are wanted, named as among all runs of the folder."""
    names = settings_by_name(records)
    return [replace(of, name=names[of.records[0].spec.identity]) for of in group(wanted)]


def _check(kind: str, asked: list[str], there: set[str]) -> None:
    for name in asked:
        if name not in there:
            raise unknown(kind, name, there)


def _nothing(metric: str, groups: list[Group]) -> UsageError:
    older = any(of.current != of.labels for of in groups)
    hint = "; a row of an older protocol or version takes part as --against only" if older else ""
    return UsageError(f"--metric {metric}: no two methods have runs of one data set, noise and seed with it{hint}")


def _names(record: Record) -> tuple[str, str]:
    return record.spec.method.name, record.spec.label


def _wanted(record: Record, datasets: list[str], methods: list[str], against: str | None) -> bool:
    chosen = not methods or record.spec.label == against or bool(set(_names(record)) & set(methods))
    return chosen and (not datasets or record.spec.dataset.name in datasets)
