"""The sheet that a figure is drawn for: a report's page on a screen, or a column of a paper."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.report.figures.style import STYLE, drawing, title

# In papers: Times, as most of them have, at sizes that can be read in a column; glyphs that it
# lacks come from the other font. Fonts are embedded in PDF as TrueType, in SVG as shapes.
PAPER: Any = STYLE | {
    "font.family": ["STIXGeneral", "DejaVu Sans"],
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.2,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "bench",  # the same figure is the same file
}
WIDTHS = {"column": 3.3, "page": 6.9}  # inches
SMALLEST = 6.0  # points


@dataclass(frozen=True)
class Sheet:
    """How wide a figure is in inches, None for its own width, and whether it has a title."""

    width: float | None = None
    titles: bool = True

    @property
    def is_paper(self) -> bool:
        """Whether the figure is for a paper, rather than for a report."""
        return self.width is not None

    @property
    def style(self) -> Any:
        """Settings of matplotlib to draw and to save with."""
        return PAPER if self.is_paper else STYLE

    def wide(self, natural: float) -> float:
        """Return the width for a figure that would have another in a report, in inches."""
        return natural if self.width is None else self.width

    def points(self, size: float | int) -> float:
        """Return the size of a font that has another in a report, in points."""
        return max(SMALLEST, size - 1.0) if self.is_paper else float(size)

    def across(self, natural: int, least: float) -> int:
        """Return how many panels stand side by side.

        Args:
            natural: in a report.
            least: width of a panel in a paper, in inches.
        """
        return natural if self.width is None else max(1, min(natural, int(self.width / least)))

    @contextmanager
    def drawing(
        self, width: float, height: float, layout: Literal["constrained"] | None = "constrained"
    ) -> Iterator[Figure]:
        """Yield an empty figure in the sheet's style, as wide as the sheet."""
        with mpl.rc_context(self.style), drawing(self.wide(width), height, layout, self.style) as figure:
            yield figure

    def title(self, figure: Figure, *lines: str) -> None:
        """Put lines over a figure, if figures have titles here."""
        if self.titles:
            title(figure, *lines)


REPORT = Sheet()
