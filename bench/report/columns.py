"""Columns of tables: what their cells hold, and how text and CSV are made of it.

A cell holds a value, or None where there is none; text is made only when a table is rendered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar, NamedTuple

from bench.evaluation.metrics import Scale
from bench.report.summaries import Summary

ABSENT = "–"
ORACLE = "†"  # after the name of a method that is told the true noise rate


@dataclass(frozen=True)
class MethodLabel:
    """The name of a method's row, and whether the method is told the true noise rate."""

    text: str
    oracle: bool = False

    def __str__(self) -> str:
        """Return the label, an oracle's with a mark after the name: `told†(rate=0.2)`."""
        if not self.oracle:
            return self.text
        name = self.text.partition("(")[0].partition(" ")[0]
        return f"{name}{ORACLE}{self.text.removeprefix(name)}"


class Published(NamedTuple):
    """A published accuracy in %, as it was printed, beside our own, a fraction."""

    percent: float
    ours: float

    @property
    def fraction(self) -> float:
        """The published number as a fraction, with no more digits than were printed."""
        return round(self.percent / 100, 6)


class Range(NamedTuple):
    """The two ends of an interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Format:
    """How a number is written: multiplied, divided, rounded, with a sign."""

    decimals: int
    factor: float = 1
    divisor: float = 1
    signed: bool = False
    signed_zero: bool = True  # whether a small negative number is −0.00

    def text(self, value: float, signed: bool | None = None) -> str:
        """Return the number as text, with a true minus."""
        sign = "+" if (self.signed if signed is None else signed) else ""
        zero = "" if self.signed_zero else "z"
        scaled = self.factor * value / self.divisor
        return f"{scaled:{sign}{zero}.{self.decimals}f}".replace("-", "−")


PERCENT = Format(2, factor=100)
THOUSANDTHS = Format(2, factor=1e3)
FORMATS: dict[Scale, Format] = {"percent": PERCENT, "thousandths": THOUSANDTHS, "plain": Format(4)}


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

    form: Format = Format(0)
    is_number: ClassVar[bool] = True

    def _text(self, cell: float) -> str:
        return self.form.text(cell)


@dataclass(frozen=True)
class Probabilities(Numbers):
    """A column of p-values."""

    form: Format = Format(3)

    def _text(self, cell: float) -> str:
        return "< .001" if cell < 0.0005 else super()._text(cell)


@dataclass(frozen=True)
class Summaries(Column):
    """A column of `Summary` cells: mean ± standard deviation, in CSV mean, std and n."""

    form: Format = PERCENT
    is_number: ClassVar[bool] = True

    def csv(self, cell: Summary | Published | None) -> dict[str, Any]:
        """Return mean, standard deviation and number of runs, each a column."""
        values = (cell.fraction,) if isinstance(cell, Published) else cell or ()
        parts = zip_longest(("mean", "std", "n"), values)
        return {f"{self.csv_name}_{part}": value for part, value in parts}

    def _text(self, cell: Summary | Published) -> str:
        if isinstance(cell, Published):
            difference = Format(2, signed=True).text(100 * cell.ours - cell.percent)
            return f"{cell.percent:.2f} ({difference})"
        form = self._form(cell)
        spread = "" if cell.std is None else f" ± {form.text(cell.std, signed=False)}"
        return f"{form.text(cell.mean)}{spread}"

    def _form(self, cell: Summary) -> Format:
        return self.form


@dataclass(frozen=True)
class Counts(Summaries):
    """A column of counts: whole where a count is one run's and whole, else with one decimal."""

    def _form(self, cell: Summary) -> Format:
        return Format(0 if cell.std is None and cell.mean.is_integer() else 1)


@dataclass(frozen=True)
class Ranges(Column):
    """A column of intervals; in CSV low and high end."""

    form: Format = Format(2)
    is_number: ClassVar[bool] = True

    def csv(self, cell: Range | None) -> dict[str, Any]:
        """Return both ends, each a column."""
        low, high = cell or (None, None)
        return {f"{self.csv_name}_low": low, f"{self.csv_name}_high": high}

    def _text(self, cell: Range) -> str:
        return " to ".join(map(self.form.text, cell))


@dataclass(frozen=True)
class Lists(Column):
    """A column of several numbers a cell; in CSV separated by spaces."""

    form: Format = Format(2)
    is_number: ClassVar[bool] = True

    def csv(self, cell: Sequence[float]) -> dict[str, Any]:
        """Return the numbers as one text."""
        return {self.csv_name: " ".join(repr(float(each)) for each in cell)}

    def _text(self, cell: Sequence[float]) -> str:
        return ", ".join(map(self.form.text, cell))
