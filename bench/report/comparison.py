"""Comparison of methods by one metric: runs are chosen, paired and tested, tables written."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.errors import UsageError, unknown
from bench.evaluation.metrics import has_better_side
from bench.files.atomic import renewed_folder, write_text
from bench.files.locks import waiting
from bench.report.chosen_runs import load_groups, select
from bench.report.figures.critical_difference import draw
from bench.report.figures.style import save
from bench.report.grouping import Group
from bench.report.scoring import Scoring
from bench.report.selection import Selection
from bench.report.statistics.paired import Contrast, contrasts, ranks
from bench.report.statistics.ranks import Ranks
from bench.report.summaries import metric_names
from bench.report.table import Table
from bench.report.tables.differences import comparison_table, ranks_table
from bench.store.record import Record


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
        return [*made, ranks_table(self.ranks, self.metric, self.dropped)]

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
    results: Path,
    selection: Selection,
    metric: str,
    against: str | None = None,
    scoring: Scoring | None = None,
) -> Comparison:
    """Compare the runs of a results folder.

    Args:
        results: the folder of the store.
        selection: which runs are compared.
        metric: a metric's dotted name.
        against: the row label that every other is compared with; an older row's will do, too,
            though such rows are else left out.
        scoring: post-hoc scores to add.

    Raises:
        UsageError: an unknown name, or nothing to compare.
    """
    whole, problems = load_groups(results, Selection(setting=selection.setting), scoring=scoring)
    records = [record for each in whole for record in each.records]
    check_metric(metric, records)
    labels = {record.spec.label for record in records}
    if against is not None and against not in labels:
        raise unknown("method", against, labels)
    groups = select(whole, selection, keep=[] if against is None else [against])
    found = [(of, made) for of in groups if (made := contrasts(of, metric, against))]
    if not found:
        raise _nothing(metric, groups)
    return Comparison(metric, found, *ranks([of for of, _ in found], metric), problems)


def check_metric(metric: str, records: list[Record]) -> None:
    """Check that runs have a metric of which one side is better.

    Raises:
        UsageError: they have none of this name.
    """
    there = {name for record in records for name in metric_names(record) if has_better_side(name)}
    if metric in there:
        return
    own = f"scores.own.{metric}"
    if own in there:
        raise UsageError(f"metric '{metric}' is of a score: name that, too, as in {own} or scores.msp.{metric}")
    raise unknown("metric", metric, there)


def _nothing(metric: str, groups: list[Group]) -> UsageError:
    older = any(of.current != of.labels for of in groups)
    hint = "; a row of an older protocol or version takes part as --against only" if older else ""
    return UsageError(f"--metric {metric}: no two methods have runs of one data set, noise and seed with it{hint}")
