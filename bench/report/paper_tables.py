"""One table for a paper, by its name, of the runs that were chosen."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bench.errors import UsageError, unknown
from bench.options import Commas, Options
from bench.report import comparison, latex
from bench.report.chosen_runs import load_groups, only_one, shortened_list
from bench.report.columns import ABSENT
from bench.report.grouping import Group
from bench.report.results import load_records
from bench.report.scoring import Scoring
from bench.report.selection import Selection
from bench.report.summaries import Summary
from bench.report.table import Table
from bench.report.table_shape import transposed, with_metrics, with_scores, without_single_keys
from bench.report.tables import BY_NAME, OF_PAIRS, OF_SEARCHES, words
from bench.store.store import Store
from bench.store.studies import read_studies

BY_NOISE = "accuracy"  # the table of one metric by noise, of whichever metric


class Shape(Options):
    """What a table shows of what it could, and how."""

    metric: Annotated[list[str], Commas] = Field([])
    scores: Annotated[list[str], Commas] = Field([])
    against: str | None = None
    transpose: bool = False


def tables_of(
    name: str, results: Path, selection: Selection, shape: Shape, scoring: Scoring | None = None
) -> tuple[list[Table], list[str]]:
    """Return a table for each chosen setting that has it, and a line for all that is left out.

    Raises:
        UsageError: there is no such table or metric, or nothing to show in it.
    """
    if name not in words():
        raise unknown("table", name, words())
    if name in OF_SEARCHES:
        return _of_searches(name, results, selection, shape)
    if name in OF_PAIRS:
        return _of_pairs(name, results, selection, shape, scoring)
    if shape.against:
        raise UsageError(f"--against {shape.against}: is for the tables {' and '.join(OF_PAIRS)}")
    groups, problems = load_groups(results, selection, scoring=scoring)
    make = _maker(name, shape, groups)
    made = [shaped(table, name, shape) for of in groups for table in [make(of)] if table.rows]
    if not made:
        raise UsageError(f"table {name}: the chosen runs have nothing to show in it; {_others(groups)}")
    return made, problems


def shaped(table: Table, name: str, shape: Shape) -> Table:
    """Return a table with what was asked for of it."""
    chosen = with_scores(with_metrics(table, [] if name == BY_NOISE else shape.metric), shape.scores)
    slim = without_single_keys(_with_notes_that_apply(chosen))
    return transposed(slim) if shape.transpose else slim


def _with_notes_that_apply(table: Table) -> Table:
    """Return a table without notes on what is undefined, if nothing is."""
    cells = [cell for row in table.rows for cell in row.cells]
    has_undefined = any(cell is None or (isinstance(cell, Summary) and cell.undefined) for cell in cells)
    notes = [note for note in table.notes if has_undefined or not note.startswith(ABSENT)]
    return replace(table, notes=notes)


def one_table(
    name: str, results: Path, selection: Selection, shape: Shape, scoring: Scoring | None = None
) -> tuple[Table, list[str]]:
    """Return the only table of its name, and a line for all that is left out.

    Raises:
        UsageError: as `tables_of`, or the runs are of several settings.
    """
    made, problems = tables_of(name, results, selection, shape, scoring)
    if len(made) > 1:
        only_one(load_groups(results, selection)[0])
    return made[0], problems


def _maker(name: str, shape: Shape, groups: list[Group]) -> Callable[[Group], Table]:
    if name != BY_NOISE or not shape.metric:
        return BY_NAME[name]
    metric = _single(name, shape)
    comparison.check_metric(metric, [record for each in groups for record in each.records])
    return lambda of: BY_NAME[BY_NOISE](of, metric)  # type: ignore[call-arg]


def _single(name: str, shape: Shape) -> str:
    if len(shape.metric) > 1:
        raise UsageError(f"--metric {','.join(shape.metric)}: table {name} shows one metric")
    return shape.metric[0] if shape.metric else "accuracy"


def _of_searches(name: str, results: Path, selection: Selection, shape: Shape) -> tuple[list[Table], list[str]]:
    if selection != Selection():
        raise UsageError(f"table {name} shows whole searches; leave out --methods, --noise and the like")
    records, problems = load_records(Store(results))
    studies, unread = read_studies(results)
    if not studies:
        raise UsageError(f"table {name}: there is no search in {results}; `bench tune` makes one")
    known = {record.spec.identity: record for record in records}
    made = [shaped(OF_SEARCHES[name](study, known), name, shape) for study in studies]
    return made, [*problems, *unread]


def _of_pairs(
    name: str, results: Path, selection: Selection, shape: Shape, scoring: Scoring | None
) -> tuple[list[Table], list[str]]:
    compared = comparison.load(results, selection, _single(name, shape), shape.against, scoring)
    made = [table for table in compared.tables() if table.name.startswith(name)]
    if not made:
        raise UsageError(f"table {name}: takes three methods with runs of one data set, noise and seed")
    slim = map(without_single_keys, made)
    return [transposed(table) if shape.transpose else table for table in slim], compared.problems


def _others(groups: list[Group]) -> str:
    there = [name for name, make in BY_NAME.items() if any(make(of).rows for of in groups)]
    return f"there is {shortened_list(there)}"


def rendered(table: Table, ending: str, *, wide: bool) -> tuple[str, list[str]]:
    """Return a table as text in the format of a file's ending, and what the user should know."""
    text = {
        ".tex": lambda: table.latex_float(wide=wide),
        ".md": table.markdown,
        ".csv": table.csv,
        ".html": table.html,
    }[ending]()
    is_too_wide = ending == ".tex" and latex.width(table.cells) > latex.PAGE
    too_wide = "the table seems wider than a page; fewer columns by --metric or --noise, or --transpose, help"
    return text, [too_wide] if is_too_wide else []
