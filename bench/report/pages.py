"""The report: every table and picture of a results folder, made of its records, not by training."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from bench.errors import BenchError, one_line
from bench.escaping import csv_cell, markdown
from bench.files.atomic import renewed_folder, write_text
from bench.files.locks import waiting
from bench.grid.pictures import Pictures
from bench.report import figures, tables
from bench.report.chosen_runs import select, without_trials
from bench.report.figures.save import save_all, save_each
from bench.report.figures.style import Picture
from bench.report.frames import frame
from bench.report.grouping import Group, group
from bench.report.html.whole_page import PAGE, write_page
from bench.report.results import load_records
from bench.report.sample_pictures import Samples
from bench.report.scoring import Scoring
from bench.report.selection import Selection
from bench.report.table import Table
from bench.store.record import Record
from bench.store.store import Store
from bench.store.studies import Study, read_studies

LOCK = ".report.lock"  # two programs may end at the same time


@dataclass(frozen=True)
class Report:
    """What a report holds, and where it was written."""

    folder: Path
    groups: list[Group]
    tables: dict[str, list[Table]]  # by the group's name
    problems: list[str] = field(default_factory=list)
    searches: list[Study] = field(default_factory=list)

    @property
    def page(self) -> Path:
        """The page for a browser."""
        return self.folder / PAGE


def write_report(
    results: Path,
    samples: Samples,
    wanted: Pictures,
    selection: Selection = Selection(),  # noqa: B008 - immutable
    scoring: Scoring | None = None,
) -> Report:
    """Rebuild `report/` of a results folder: tables, figures, and a page of all.

    Tables are written as Markdown, LaTeX and CSV.

    Args:
        results: the folder of the store.
        samples: where pictures of samples find them.
        wanted: which pictures to draw besides those that need records only.
        selection: which runs the report is of.
        scoring: post-hoc scores to add.

    Raises:
        UsageError: no run has all that is asked for.
    """
    store = Store(results)
    store.check_format()  # before anything is written
    place = results / "report"
    with waiting(results / LOCK, f"the report of {results}"), renewed_folder(place) as folder:
        return replace(_write(store, folder, samples, wanted, selection, scoring), folder=place)


def _write(
    store: Store,
    folder: Path,
    samples: Samples,
    wanted: Pictures,
    selection: Selection,
    scoring: Scoring | None,
) -> Report:
    records, problems = load_records(store, samples.registry, scoring)
    groups = without_trials(group(records), store.results, selection.setting)
    report = Report(folder, select(groups, selection) if groups else [], {}, problems)
    shown = {record.spec.identity for members in report.groups for record in members.records}
    kept = [record for record in records if record.spec.identity in shown]
    for name in ("tables", "figures"):
        (folder / name).mkdir()
    drawn = {members.name: list(_from_records(members)) for members in report.groups}
    pictures = [picture for each in drawn.values() for picture in each]
    most = max((len(members.records) for members in report.groups), default=0)
    save_all(pictures, report.folder / "figures", most)
    pages = _write_searches(report, records, store.results)
    pages += [_write_group(report, members, drawn[members.name], samples, wanted) for members in report.groups]
    runs = _csv_safe(frame(kept, store.results))
    write_text(folder / "runs.csv", runs.to_csv(index=False, lineterminator="\n"))
    write_text(folder / "README.md", "\n".join(["# Results\n", *pages]))
    if report.groups:
        write_page(folder, store.root.parent, report.groups, report.tables, report.problems, samples)
    return report


def _write_searches(report: Report, records: list[Record], results: Path) -> list[str]:
    """Write the tables of searches and return their parts of the page."""
    studies, problems = read_studies(results)
    report.problems.extend(problems)
    known = {record.spec.identity: record for record in records}
    report.searches.extend(studies)
    made = [make(study, known) for study in studies for make in tables.OF_SEARCHES.values()]
    for table in made:
        table.write(report.folder / "tables")
    return ["\n".join(["## Tuning\n", *(table.markdown() for table in made)])] if made else []


def _csv_safe(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts, those of its header too, can be written to a CSV file."""
    texts = runs.select_dtypes(exclude=["number", "bool"])
    escaped = {str(name): column.map(csv_cell) for name, column in texts.items()}
    return runs.assign(**escaped).rename(columns=csv_cell)


def _write_group(report: Report, members: Group, drawn: list[Picture], samples: Samples, wanted: Pictures) -> str:
    """Write one setting's tables and its pictures of samples, and return its part of the page."""
    made = [table for make in tables.ALL_TABLES for table in [make(members)] if table.rows]
    report.tables[members.name] = made
    page = [f"## {markdown(members.title)}\n"]
    page += [f"The recipe has {markdown(members.recipe)}.\n"] if members.recipe else []
    for table in made:
        table.write(report.folder / "tables")
        page.append(table.markdown())
    page += [_shown(picture) for picture in drawn]
    page += [_shown(picture) for picture in _save_samples(report, members, samples, wanted)]
    return "\n".join(page)


def _shown(picture: Picture) -> str:
    return f"![{markdown(picture.caption)}](figures/{picture.file})\n"


def _from_records(members: Group) -> Iterator[Picture]:
    for pictures in figures.FROM_RECORDS:
        yield from pictures(members)


def _parts(members: Group, name: str) -> list[list[Record]]:
    """Return the runs of which a figure makes pictures at a time: a cell's, or all of one noise."""
    cells = members.cells()
    if name not in figures.OF_ALL_METHODS:
        return [cell for _, _, cell in cells]
    points = [noise.point for noise in members.noises]
    return [[r for noise, _, cell in cells if noise.point == point for r in cell] for point in points]


def _save_samples(report: Report, members: Group, samples: Samples, wanted: Pictures) -> Iterator[Picture]:
    """Write and yield pictures of samples; problems name cells without predictions or images."""
    for name in dict.fromkeys(wanted.figures):
        reasons = []
        for cell in _parts(members, name):
            try:
                for picture in figures.FROM_SAMPLES[name](replace(members, records=cell), samples, wanted):
                    save_each([picture], report.folder / "figures")
                    yield picture
            except BenchError as error:
                reasons.append(one_line(error))
        if reasons:
            more = f" (and {len(reasons) - 1} more cells)" if len(reasons) > 1 else ""
            report.problems.append(f"figures {name} of {members.title}: {reasons[0]}{more}")
