"""What figures share: colours, a frame to draw in, and the files they become."""

import hashlib
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from bench.escaping import figure_text, printable
from bench.files.atomic import naming

# Okabe and Ito's colours, which colour-blind readers can tell apart, less yellow; then other line
# markers.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["", "o", "s", "^", "D", "v"]
RIGHT, WRONG = "#009E73", "#D55E00"  # a green and a red that colour-blind readers can tell apart
STYLE: Any = {
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.usetex": False,  # whatever a user's matplotlibrc says: names are no LaTeX
}
LONGEST_NAME = 200  # bytes of a file's name, of which file systems allow 255


class Picture(NamedTuple):
    """A figure that can be drawn, the stem of its file, and a line on what it shows."""

    name: str
    caption: str
    draw: Callable[..., Figure]  # on the sheet that it is given, by default a report's

    @property
    def file(self) -> str:
        """The name of its file; a long one is cut, and a hash of all of it put behind."""
        whole = self.name.encode()
        if len(whole) <= LONGEST_NAME:
            return f"{self.name}.png"
        return f"{whole[:LONGEST_NAME].decode(errors='ignore')}-{hashlib.sha256(whole).hexdigest()[:8]}.png"

    @property
    def figure(self) -> Figure:
        """The figure, drawn anew."""
        return self.draw()


@contextmanager
def drawing(
    width: float,
    height: float,
    layout: Literal["constrained"] | None = "constrained",
    style: Any = None,
) -> Iterator[Figure]:
    """Yield an empty figure in the project's style.

    Args:
        width, height: in inches.
        layout: None where panels are placed by hand.
        style: settings of matplotlib; None for those of a report.
    """
    with mpl.rc_context(style or STYLE):
        yield Figure(figsize=(width, height), layout=layout)


def look(place: int) -> dict[str, Any]:
    """Return the colour and marker of the method at a place in the group's order."""
    return {
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[place // len(COLOURS) % len(MARKERS)],
        "ms": 4,
    }


def band(
    axes: Axes, x: Any, values: Float[np.ndarray, "runs points"], ceiling: float, style: str = "-", **line: Any
) -> None:
    """Draw the mean over runs and a band of ± their standard deviation, up to a ceiling."""
    mean = values.mean(axis=0)
    axes.plot(x, mean, style, lw=1.4, markevery=max(1, len(mean) // 10), **line)
    if len(values) > 1:
        fill_around(axes, x, mean, values.std(axis=0, ddof=1), ceiling, line["color"])


def fill_around(axes: Axes, x: Any, mean: np.ndarray, std: np.ndarray, ceiling: float, colour: str) -> None:
    """Fill ± a deviation around means, up to a ceiling and, if no mean is negative, from 0."""
    floor = 0.0 if (mean >= 0).all() else -np.inf
    low, high = np.clip(mean - std, floor, None), np.clip(mean + std, None, ceiling)
    axes.fill_between(x, low, high, color=colour, alpha=0.12, lw=0)


def title(figure: Figure, *lines: str) -> None:
    """Put lines over a figure, folded to its width."""
    width = int(14 * figure.get_figwidth())
    parts = [part for line in lines for part in textwrap.wrap(printable(line), width)]
    figure.suptitle("\n".join(map(figure_text, parts)), fontsize=9)


def grid_shape(count: int, columns: int) -> tuple[int, int]:
    """Return rows and columns for so many panels, with at most `columns` side by side."""
    return -(-count // columns), min(count, columns)


def shortened(names: Sequence[str], length: int = 12) -> list[str]:
    """Return names as text for axes and labels, long ones cut."""
    cut = (name if len(name) <= length else f"{name[: length - 1]}…" for name in map(printable, names))
    return [figure_text(name) for name in cut]


def slug(label: str) -> str:
    """Return a label as a part of a file's name: `mix-output-space-probabilities`."""
    return "-".join(re.findall(r"(?:(?<==)-)?[\w.+]+", label))


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG of 256 colours, a third of the size, the same for the same results."""
    figure.set_dpi(150)
    canvas = FigureCanvasAgg(figure)
    # The labels of ticks are made only now. Signs that the font lacks are drawn as boxes.
    with mpl.rc_context({"text.usetex": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    with naming(path):
        Image.fromarray(pixels).quantize(256).save(path)
