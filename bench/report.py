"""The report: every table and picture of a results folder, rebuilt from its records without training."""

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from bench import figures, folders, tables
from bench.claims import Claim
from bench.errors import BenchError, one_line
from bench.figures.files import save_all, save_each
from bench.figures.style import Picture
from bench.groups import Group, group, newest
from bench.metrics_source import metrics_source
from bench.samples import Samples
from bench.spec import Pictures
from bench.store import PREDICTIONS, Record, Store, read_predictions
from bench.tables import Table
from bench.tables.entries import flat
from bench.under_way import UnderWay


@dataclass(frozen=True)
class Report:
    """What a report holds, and where it was written."""

    folder: Path
    groups: list[Group]
    tables: dict[str, list[Table]]  # by the group's name
    problems: list[str] = field(default_factory=list)


def write_report(results: Path, samples: Samples, wanted: Pictures) -> Report:
    """Rebuild `report/` of a results folder: tables as Markdown, LaTeX and CSV, figures, and a page of all.

    Args:
        results: the folder of the store.
        samples: where pictures of samples find them.
        wanted: which pictures to draw besides those that need records only.
    """
    store = Store(results)
    with Claim.wait(store.root / ".report.claim"):  # two programs may end at the same time
        return _write(store, results, samples, wanted)


def _write(store: Store, results: Path, samples: Samples, wanted: Pictures) -> Report:
    kept, problems = load_records(store)
    report = Report(results / "report", group(kept), {}, problems)
    for name in ("tables", "figures"):
        shutil.rmtree(report.folder / name, ignore_errors=True)
        (report.folder / name).mkdir(parents=True)
    drawn = {members.name: list(_from_records(members)) for members in report.groups}
    pictures = [picture for each in drawn.values() for picture in each]
    most = max((len(members.records) for members in report.groups), default=0)
    save_all(pictures, report.folder / "figures", most)
    pages = [_write_group(report, members, drawn[members.name], samples, wanted) for members in report.groups]
    frame(kept, results).to_csv(report.folder / "runs.csv", index=False, lineterminator="\n")
    (report.folder / "README.md").write_text("\n".join(["# Results\n", *pages]), encoding="utf-8")
    return report


def _write_group(report: Report, members: Group, drawn: list[Picture], samples: Samples, wanted: Pictures) -> str:
    """Write one setting's tables and its pictures of samples, and return its part of the page."""
    made = [table for make in tables.ALL_TABLES for table in [make(members)] if table.rows]
    report.tables[members.name] = made
    page = [f"## {members.title}\n"]
    for table in made:
        table.write(report.folder / "tables")
        page.append(table.markdown())
    page += [_shown(picture) for picture in drawn]
    page += [_shown(picture) for picture in _save_samples(report, members, samples, wanted)]
    return "\n".join(page)


def _shown(picture: Picture) -> str:
    return f"![{picture.caption}](figures/{picture.name}.png)\n"


def _from_records(members: Group) -> Iterator[Picture]:
    for pictures in figures.FROM_RECORDS:
        yield from pictures(members)


def _save_samples(report: Report, members: Group, samples: Samples, wanted: Pictures) -> Iterator[Picture]:
    """Write and yield pictures of samples; cells that lack predictions or images are told among the problems."""
    for name in dict.fromkeys(wanted.figures):
        reasons = []
        for _, _, cell in members.cells():
            try:
                for picture in figures.FROM_SAMPLES[name](replace(members, records=cell), samples, wanted):
                    save_each([picture], report.folder / "figures")
                    yield picture
            except BenchError as error:
                reasons.append(one_line(error))
        if reasons:
            more = f" (and {len(reasons) - 1} more cells)" if len(reasons) > 1 else ""
            report.problems.append(f"figures {name} of {members.title}: {reasons[0]}{more}")


def load_records(store: Store) -> tuple[list[Record], list[str]]:
    """Return the runs that count, their metrics up to date, and a line for everything that is left out."""
    records, problems = store.scan()
    records, stale = _refresh(store, records)
    kept, superseded = newest(records)
    if superseded:
        problems.append(f"{superseded} runs are left out: their plugins have changed since")
    return kept, problems + stale


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
    place = folders.place_of(record.path)
    under_way = UnderWay.take(place)
    if under_way is None:
        raise BenchError("another program works on it")
    with under_way:
        found = store.read(place)
        return found if found.metrics_source == source else _computed(store, found, source)


def _computed(store: Store, record: Record, source: str) -> Record:
    from bench import evaluation  # and torch with it, which a report seldom needs

    test, shown = read_predictions(record.path, "test")
    train, seen = read_predictions(record.path, "train")
    label = shown["label"].to_numpy()
    if len(label) != record.metrics["samples"]:
        raise ValueError(f"test.parquet has {len(label)} rows, the record {record.metrics['samples']} samples")
    human = shown["human_entropy"].to_numpy() if "human_entropy" in shown else None
    given, true = seen["given"].to_numpy(), seen["true"].to_numpy()
    metrics, curves = evaluation.evaluate(test, label, train, given, true, human)
    return store.recompute(record, metrics, curves, source)
