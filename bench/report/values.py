"""Values that table cells hold, besides numbers, texts and summaries, and formats of numbers."""

from dataclasses import dataclass
from typing import NamedTuple

from bench.evaluation.metrics import Scale

ORACLE = "†"  # after the name of a method that is told the true noise rate


@dataclass(frozen=True)
class MethodLabel:
    """The name of a method's row, and what must be known of all its runs."""

    text: str
    oracle: bool = False  # the method is told the true noise rate
    imported: bool = False  # trained elsewhere; the text says so, too

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
    """How a number is written: multiplied, rounded, with a sign."""

    decimals: int
    factor: float | int = 1.0
    signed: bool = False
    signed_zero: bool = True  # whether a small negative number is −0.00

    def text(self, value: float | int, signed: bool | None = None) -> str:
        """Return the number as text, with a true minus."""
        sign = "+" if (self.signed if signed is None else signed) else ""
        zero = "" if self.signed_zero else "z"
        scaled = self.factor * value
        return f"{scaled:{sign}{zero}.{self.decimals}f}".replace("-", "−")


WHOLE, TWO_DECIMALS, THREE_DECIMALS = Format(0), Format(2), Format(3)
PERCENT = Format(2, factor=100.0)
THOUSANDTHS = Format(2, factor=1e3)
FORMATS: dict[Scale, Format] = {"percent": PERCENT, "thousandths": THOUSANDTHS, "plain": Format(4)}
