"""One panel for each of many methods, where a picture of all would be a knot of lines."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.escaping import figure_text, printable
from bench.report.figures.sheet import Sheet
from bench.report.figures.style import grid_shape

MOST = 8  # methods whose lines one panel holds
NATURAL, LEAST = 5, 1.05  # panels side by side in a report; width of one in a paper, in inches
HIGHEST = 3.0  # panel, in inches
BREAK, KEEP = "\N{WORD JOINER}", "\N{NO-BREAK SPACE}"  # marks in a name that is parted in lines
OTHERS: Any = {"color": "0.82", "lw": 0.7, "zorder": 0}  # lines of the other methods behind each one's own


def are_many(methods: Sequence[str] | Mapping[str, object]) -> bool:
    """Return whether methods are too many for the lines of one panel."""
    return len(methods) > MOST


def in_groups(labels: Sequence[str]) -> list[list[str]]:
    """Return methods in groups for a panel each, as even as they can be.

    >>> [len(group) for group in in_groups([str(k) for k in range(20)])]
    [7, 7, 6]
    """
    groups = -(-len(labels) // MOST)
    size, more = divmod(len(labels), max(1, groups))
    ends = [k * size + min(k, more) for k in range(groups + 1)]
    return [list(labels[start:end]) for start, end in pairwise(ends)]


def height(count: int, sheet: Sheet, natural: int = NATURAL, least: float = LEAST, shape: float = 0.8) -> float:
    """Return the height in inches of a figure of so many panels, `shape` times as high as wide.

    Wide panels, one or two in a row, are lower.
    """
    rows, columns = grid_shape(count, sheet.across(natural, least))
    return rows * (min(shape * sheet.wide(9.0) / columns, HIGHEST) + 0.1) + 0.6


def panels(
    figure: Figure,
    names: Sequence[str],
    sheet: Sheet,
    natural: int = NATURAL,
    least: float = LEAST,
    **shared: Any,
) -> list[Axes]:
    """Return a panel for each name, with that as its title.

    Args:
        figure: to draw in.
        names: of the panels.
        sheet: that it is drawn for.
        natural: panels side by side in a report.
        least: width of a panel in a paper, in inches.
        shared: `sharex`, `sharey`.
    """
    rows, columns = grid_shape(len(names), sheet.across(natural, least))
    made = list(figure.subplots(rows, columns, squeeze=False, **shared).flatten())
    length = int((18 if sheet.is_paper else 13) * sheet.wide(9.0) / columns)
    for axes, name in zip(made, names, strict=False):
        axes.set_title(title(name, length), fontsize=sheet.points(8.5), pad=3)
        axes.tick_params(labelsize=sheet.points(7.5))
    for axes in made[len(names) :]:
        axes.remove()
    for place, axes in enumerate(made[: len(names)]):  # whose lower neighbour was removed
        axes.tick_params(labelbottom=not shared.get("sharex") or place + columns >= len(names))
    return made[: len(names)]


def title(name: str, length: int) -> str:
    """Return a panel's name in at most two lines of so many characters, cut where that is too few.

    A line may end before a bracket: the marks stand for that, and for no end within "[protocol 2]".

    >>> print(title("dul(relabel=on) [protocol 2]", 18))
    dul(relabel=on)
    [protocol 2]
    """
    marked = re.sub(r"(?<! )\(", f" {BREAK}(", printable(name)).replace("[protocol ", f"[protocol{KEEP}")
    lines = wrap(marked, length, max_lines=2, placeholder="…")
    return "\n".join(
        figure_text(line.replace(f" {BREAK}", "").replace(BREAK, "").replace(KEEP, " ")) for line in lines
    )


def label(
    made: Sequence[Axes], x: str, y: str, sheet: Sheet, natural: int = NATURAL, least: float = LEAST
) -> None:
    """Put one label under the last row of panels, and one beside all.

    Not `supxlabel`, which matplotlib draws over a legend below the panels.
    """
    _, columns = grid_shape(len(made), sheet.across(natural, least))
    last = made[(len(made) - 1) // columns * columns :]
    between = 1.08 if len(last) % 2 == 0 else 0.5  # of the width of the panel in the middle
    last[(len(last) - 1) // 2].set_xlabel(x, x=between, ha="center", fontsize=sheet.points(9))
    figure = made[0].figure
    figure.supylabel(y, fontsize=sheet.points(9))


def remark(axes: Axes, said: str, sheet: Sheet) -> None:
    """Put a line of numbers under a panel's title."""
    name = axes.get_title()
    axes.set_title("")
    axes.text(0.5, 1.02, said, transform=axes.transAxes, ha="center", va="bottom", fontsize=sheet.points(7))
    axes.set_title(name, fontsize=sheet.points(8.5), pad=sheet.points(7) + 4)
