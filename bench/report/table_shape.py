"""Tables for papers: some of the columns, without what is the same in all rows, transposed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

from bench.errors import UsageError, unknown
from bench.report.columns import Column, Texts
from bench.report.table import PUBLISHED_LABEL, Row, Table

SCORE = "score"


class Crossed(NamedTuple):
    """A cell of a transposed table: the column that it is of, and its value."""

    column: Column
    value: Any


@dataclass(frozen=True)
class Mixed(Column):
    """A column of a transposed table, which holds cells of several columns."""

    is_number: ClassVar[bool] = True

    def csv(self, cell: Crossed) -> dict[str, Any]:
        """Return the cell's CSV columns under this column's name."""
        parts = cell.column.csv(cell.value)
        return {f"{self.csv_name}{key.removeprefix(cell.column.csv_name)}": each for key, each in parts.items()}

    def _text(self, cell: Crossed) -> str:
        return cell.column.text(cell.value)


def keys_of(table: Table) -> int:
    """Return how many columns at the left tell what a row is of, rather than a value."""
    return next((place for place, column in enumerate(table.columns) if column.is_number), len(table.columns))


def with_metrics(table: Table, names: Sequence[str]) -> Table:
    """Return a table with the columns of these names or headings, in this order; all if none.

    Raises:
        UsageError: it has no such column, or several of this heading.
    """
    keys = keys_of(table)
    values = list(enumerate(table.columns))[keys:]
    headings = Counter(column.heading for _, column in values)
    places = {column.heading: place for place, column in values if headings[column.heading] == 1}
    places |= {column.csv_name: place for place, column in values}
    for name in names:
        if name not in places:
            raise unknown("metric of this table", name, {column.csv_name for column in table.columns[keys:]})
    return picked(table, [*range(keys), *(places[name] for name in names)]) if names else table


def with_scores(table: Table, names: Sequence[str]) -> Table:
    """Return a table with the rows of these scores; all if none is named.

    Raises:
        UsageError: it has no such rows.
    """
    if not names:
        return table
    place = next((place for place, column in enumerate(table.columns) if column.heading == SCORE), None)
    if place is None:
        raise UsageError(f"--scores {','.join(names)}: this table has no rows of scores")
    there = {row.cells[place] for row in table.rows}
    for name in names:
        if name not in there:
            raise unknown(SCORE, name, there)
    rows = [i for i, row in enumerate(table.rows) if row.cells[place] in names]
    bold = {(rows.index(i), j) for i, j in table.bold if i in rows}
    return replace(table, rows=[table.rows[i] for i in rows], bold=frozenset(bold))


def without_single_keys(table: Table) -> Table:
    """Return a table without columns of noise or score that are the same in all rows.

    The title tells them.
    """
    single = {
        place: values.pop()
        for place, column in enumerate(table.columns)
        if isinstance(column, Texts) and column.heading in ("noise", SCORE)
        for values in [{row.cells[place] for row in table.rows}]
        if len(values) == 1
    }
    told = "".join(f", {table.columns[place].heading} {value}" for place, value in single.items())
    kept = [place for place in range(len(table.columns)) if place not in single]
    return replace(picked(table, kept), title=f"{table.title}{told}")


def picked(table: Table, places: Sequence[int]) -> Table:
    """Return a table with the columns at these places."""
    bold = {(i, places.index(j)) for i, j in table.bold if j in places}
    return replace(
        table,
        columns=[table.columns[place] for place in places],
        rows=[replace(row, cells=[row.cells[place] for place in places]) for row in table.rows],
        bold=frozenset(bold),
    )


def transposed(table: Table) -> Table:
    """Return a table with a column for each row, headed by the texts that told the row."""
    keys = keys_of(table)
    headings = [" ".join(text.strip() for text in texts[:keys]) for texts in table.texts]
    columns = [Texts(""), *(Mixed(heading) for heading in _apart(table, headings))]
    rows = [
        Row([column.heading, *(Crossed(column, row.cells[place]) for row in table.rows)])
        for place, column in enumerate(table.columns)
        if place >= keys
    ]
    bold = {(j - keys, i + 1) for i, j in table.bold if j >= keys}
    methods = [cell for row in table.rows for cell in row.cells[:keys]]
    in_title = [*table.in_title, *(cell for cell in methods if not isinstance(cell, str))]
    return replace(table, columns=columns, rows=rows, bold=frozenset(bold), in_title=in_title)


def _apart(table: Table, headings: Iterable[str]) -> list[str]:
    """Return headings in which a row of published numbers names its method."""
    found, method = list[str](), ""
    for row, heading in zip(table.rows, headings, strict=True):
        method = heading if row.kind == "own" else method
        found.append(heading if row.kind == "own" else f"{method} {PUBLISHED_LABEL.strip()}")
    return found
