"""Columns of tables: what their cells hold, and how text and CSV are made of it.

A cell holds a value, or None where there is none; text is made only when a table is rendered.
"""

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar

from bench.report.summaries import Summary
from bench.report.values import (
    PERCENT,
    THREE_DECIMALS,
    TWO_DECIMALS,
    WHOLE,
    Format,
    MethodLabel,
    Published,
    Range,
)

ABSENT = "–"


@dataclass(frozen=True)
class Column:
    """One column of a table; the subclasses say what its cells hold."""

    heading: str
    name: str = ""  # in CSV; the heading where it is left out
    is_number: ClassVar[bool] = False  # whether it stands at the right, and is never folded

    def text(self, cell: Any) -> str:
        """Return a cell as tables show it."""
        return ABSENT if cell is None else self._text(cell)

    def csv(self, cell: Any) -> dict[str, Any]:
        """Return a cell's CSV columns with their values; None is written as nothing."""
        return {self.csv_name: cell}

    @property
    def csv_name(self) -> str:
        """First part of the names of its CSV columns."""
        return self.name or self.heading

    def _text(self, cell: Any) -> str:
        return str(cell)


@dataclass(frozen=True)
class Texts(Column):
    """A column of text."""


@dataclass(frozen=True)
class Words(Column):
    """A column of short texts that stand at the right as numbers do, such as durations."""

    is_number: ClassVar[bool] = True


@dataclass(frozen=True)
class Methods(Column):
    """A column of `MethodLabel`s; in CSV the mark of an oracle is a column of its own."""

    heading: str = "method"

    def csv(self, cell: MethodLabel) -> dict[str, Any]:
        """Return the label without its mark, and whether the method is an oracle."""
        return {self.csv_name: cell.text, f"{self.csv_name}_oracle": cell.oracle}


@dataclass(frozen=True)
class Numbers(Column):
    """A column of single numbers."""

    form: Format = WHOLE
    is_number: ClassVar[bool] = True

    def _text(self, cell: float | int) -> str:
        return self.form.text(cell)


@dataclass(frozen=True)
class Probabilities(Numbers):
    """A column of p-values."""

    form: Format = THREE_DECIMALS

    def _text(self, cell: float | int) -> str:
        return "< .001" if cell < 0.0005 else super()._text(cell)


@dataclass(frozen=True)
class Summaries(Column):
    """A column of `Summary` cells: mean ± standard deviation, in CSV mean, std and n.

    `49.95 (1 of 3)`: two of three runs have no value.
    """

    form: Format = PERCENT
    is_number: ClassVar[bool] = True

    def csv(self, cell: Summary | Published | None) -> dict[str, Any]:
        """Return mean, standard deviation and number of runs, each a column."""
        values = (cell.fraction,) if isinstance(cell, Published) else (cell or ())[:3]
        parts = zip_longest(("mean", "std", "n"), values)
        return {f"{self.csv_name}_{part}": value for part, value in parts}

    def _text(self, cell: Summary | Published) -> str:
        if isinstance(cell, Published):
            difference = Format(2, signed=True).text(100 * cell.ours - cell.percent)
            return f"{cell.percent:.2f} ({difference})"
        form = self._form(cell)
        spread = "" if cell.std is None else f" ± {form.text(cell.std, signed=False)}"
        return f"{form.text(cell.mean)}{spread}{of_some(cell)}"

    def _form(self, cell: Summary) -> Format:
        return self.form


def of_some(cell: Summary) -> str:
    """Return how many of its runs a mean is of, if not of all: ` (1 of 3)`."""
    return f" ({cell.n} of {cell.n + cell.undefined})" if cell.undefined else ""


@dataclass(frozen=True)
class Counts(Summaries):
    """A column of counts: whole where a count is one run's and whole, else with one decimal."""

    def _form(self, cell: Summary) -> Format:
        return Format(0 if cell.std is None and cell.mean.is_integer() else 1)


@dataclass(frozen=True)
class Ranges(Column):
    """A column of intervals; in CSV low and high end."""

    form: Format = TWO_DECIMALS
    is_number: ClassVar[bool] = True

    def csv(self, cell: Range | None) -> dict[str, Any]:
        """Return both ends, each a column."""
        low, high = cell or (None, None)
        return {f"{self.csv_name}_low": low, f"{self.csv_name}_high": high}

    def _text(self, cell: Range) -> str:
        return " to ".join(map(self.form.text, cell))
