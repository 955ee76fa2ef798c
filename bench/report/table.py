"""Tables of values, and their rendering as Markdown, LaTeX, HTML and CSV."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tabulate import tabulate

from bench.escaping import csv_cell, markdown, printable
from bench.files.atomic import write_text
from bench.report.columns import Column, Methods
from bench.report.html_table import element
from bench.report.latex import Cells, floating, tabular
from bench.report.values import ORACLE, MethodLabel
from bench.spec import IMPORTED

ORACLE_NOTE = f"{ORACLE} is told the true rate of wrong labels, which no user would know."
IMPORTED_NOTE = f"Rows marked {IMPORTED} were trained elsewhere, by a recipe that is not known here."
PUBLISHED_LABEL = "  paper (ours − paper)"


@dataclass(frozen=True)
class Row:
    """One row: a value for each column, None where there is none."""

    cells: Sequence[Any]
    kind: Literal["own", "published"] = "own"  # published: numbers of a paper, under our own


@dataclass(frozen=True)
class Table:
    """A table of values; its notes say how to read them."""

    name: str  # for file names
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    bold: frozenset[tuple[int, int]] = frozenset()  # (row, column) of cells that a test supports
    in_title: Sequence[MethodLabel] = field(default=(), kw_only=True)  # methods named there

    @property
    def header(self) -> list[str]:
        """The columns' headings."""
        return [column.heading for column in self.columns]

    @property
    def texts(self) -> list[list[str]]:
        """The cells as text, row by row."""
        return [
            [_text(row, column, cell) for column, cell in zip(self.columns, row.cells, strict=True)]
            for row in self.rows
        ]

    @property
    def all_notes(self) -> list[str]:
        """The notes, with one on oracles and one on imports where there are such."""
        cells = [*self.in_title, *(cell for row in self.rows for cell in row.cells)]
        labels = [cell for cell in cells if isinstance(cell, MethodLabel)]
        oracle = [ORACLE_NOTE] if any(label.oracle for label in labels) else []
        imported = [IMPORTED_NOTE] if any(label.imported for label in labels) else []
        return [*self.notes, *oracle, *imported]

    def markdown(self) -> str:
        """Return the table as GitHub Markdown with its title and notes."""
        cells, header = self._marked("**", "**", markdown), list(map(markdown, self.header))
        body = tabulate(cells, header, "github", disable_numparse=True, stralign="left")
        return "\n\n".join([f"**{markdown(self.title)}**", body, *map(markdown, self.all_notes)]) + "\n"

    @property
    def cells(self) -> Cells:
        """What LaTeX and HTML show of it."""
        return Cells(self.header, self.texts, [column.is_number for column in self.columns], self.bold)

    def latex(self, *, whole_rows: bool = False) -> str:
        """Return the table as a LaTeX `tabular` for booktabs, title and notes as comments.

        Args:
            whole_rows: each row says all that it shows, so that rows can be put in any order.
        """
        comments = "".join(f"% {printable(line)}\n" for line in (self.title, *self.all_notes))
        return f"{comments}{tabular(self.cells, whole_rows=whole_rows)}"

    def latex_float(self, *, wide: bool = False) -> str:
        """Return the table as a LaTeX `table`, or `table*`, with caption, label and notes."""
        return floating(self.cells, f"{self.title}.", self.all_notes, self.name, wide=wide)

    def html(self) -> str:
        """Return the table as an HTML element with its title and notes."""
        return element(self.cells, self.title, self.all_notes)

    def csv(self) -> str:
        """Return the values as CSV, in full precision and as they are: fractions of 1, not %.

        A summary has three columns, NAME_mean, NAME_std and NAME_n. Where a table has rows of
        published numbers a column `published` tells them. What is absent is an empty field.
        """
        rows = [{csv_cell(k): csv_cell(v) for k, v in self._csv_row(row).items()} for row in self.rows]
        text = io.StringIO()
        names = dict.fromkeys(name for row in rows for name in row) or map(csv_cell, self.header)
        writer = csv.DictWriter(text, list(names), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def write(self, folder: Path) -> None:
        """Write the table to a folder in all three formats."""
        for ending, text in ((".md", self.markdown()), (".tex", self.latex()), (".csv", self.csv())):
            write_text(folder / f"{self.name}{ending}", text)

    def _csv_row(self, row: Row) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for column, cell in zip(self.columns, row.cells, strict=True):
            values |= column.csv(cell)
        has_published = any(each.kind == "published" for each in self.rows)
        return values | ({"published": row.kind == "published"} if has_published else {})

    def _marked(self, before: str, after: str, escaped: Callable[[str], str]) -> list[list[str]]:
        """Return the cells as text in a format, with marks around what is bold."""
        return [
            [
                f"{before}{escaped(text)}{after}" if (i, j) in self.bold else escaped(text)
                for j, text in enumerate(texts)
            ]
            for i, texts in enumerate(self.texts)
        ]


def _text(row: Row, column: Column, cell: Any) -> str:
    is_label = row.kind == "published" and isinstance(column, Methods)
    return PUBLISHED_LABEL if is_label else column.text(cell)
