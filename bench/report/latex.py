"""LaTeX of tables: a `tabular` with rules of booktabs, and the float around it.

Numbers are aligned without a package: means stand at the right of a column, and what follows them,
such as ± and the deviation, at the left of the next, with nothing between the two.
"""

import re
from collections.abc import Collection, Sequence
from textwrap import wrap
from typing import NamedTuple

from bench.escaping import latex, printable

TAIL = re.compile(r"(?<=\S)( ± .*| \(.*| to .*)$")
DEVIATION = re.compile(r"( ± )(\d+)(.*)")
# Fonts, and how wide a character of each is on average in a document of 10 points, in points.
FONTS = {"small": 4.6, "footnotesize": 4.1, "scriptsize": 3.6}
COLUMN, PAGE = 240.0, 500.0  # width of a column and of both in points
GAP = 8.0  # between two columns of a table
PACKAGES = "Needs \\usepackage{booktabs}, and nothing else."


class Cells(NamedTuple):
    """What a table shows: headings, texts by row, which columns are numbers, which cells bold."""

    header: Sequence[str]
    texts: Sequence[Sequence[str]]
    is_number: Sequence[bool]
    bold: Collection[tuple[int, int]]


class _Column(NamedTuple):
    """One column as LaTeX: its alignment, its heading and its cells."""

    form: str
    heading: str
    cells: list[str]


def tabular(cells: Cells, *, whole_rows: bool = False) -> str:
    """Return a `tabular` environment; what repeats in the first columns of text is left blank.

    Args:
        cells: what it shows.
        whole_rows: leave nothing blank and set no rows apart, so that rows can be put in any order.
    """
    keys = next((place for place, number in enumerate(cells.is_number) if number), 0)
    texts = _without_repeats(cells.texts, 0 if whole_rows else max(0, keys - 1))
    has_groups = not whole_rows and any(not row[0] for row in texts)
    columns = [_column(place, cells, texts) for place in range(len(cells.header))]
    lines = [" & ".join(column.heading for column in columns) + r" \\", r"\midrule"]
    for place, row in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if place and has_groups and texts[place][0]:
            lines.append(r"\addlinespace")
        lines.append(" & ".join(row) + r" \\")
    form = "".join(column.form for column in columns)
    inside = "\n".join([r"\toprule", *lines, r"\bottomrule"])
    return f"\\begin{{tabular}}{{{form}}}\n{inside}\n\\end{{tabular}}\n"


def floating(cells: Cells, title: str, notes: Sequence[str], name: str, *, wide: bool = False) -> str:
    """Return a table's float: caption, label, tabular, notes; over both columns where it must be.

    Args:
        cells: what the table shows.
        title: of the caption.
        notes: under the table.
        name: for the label, `tab:NAME`.
        wide: whether it goes over both columns even if it fits one.
    """
    font, is_wide = fitted(cells, wide=wide)
    environment = "table*" if is_wide else "table"
    label = re.sub(r"[^A-Za-z0-9.-]+", "-", name)
    said = "\\par\n".join(map(latex, notes))
    return (
        f"% {PACKAGES}\n\\begin{{{environment}}}[t]\n\\centering\n"
        f"\\setlength{{\\belowcaptionskip}}{{4pt}}\n\\caption{{{latex(title)}}}\n"
        f"\\label{{tab:{label}}}\n\\{font}\n\\setlength{{\\tabcolsep}}{{{GAP / 2:g}pt}}\n{tabular(cells)}"
        f"\n\\vspace{{2pt}}\n\\begin{{minipage}}{{\\linewidth}}\\footnotesize\\raggedright\n{said}\n"
        f"\\end{{minipage}}\n\\end{{{environment}}}\n"
    )


def fitted(cells: Cells, *, wide: bool = False) -> tuple[str, bool]:
    """Return the font that fits a table, and whether it goes over both columns of a page."""
    for font in () if wide else ("small", "footnotesize"):
        if width(cells, font) <= COLUMN:
            return font, False
    return next((font for font in FONTS if width(cells, font) <= PAGE), "scriptsize"), True


def width(cells: Cells, font: str = "scriptsize") -> float:
    """Return about how wide a table is in points."""
    columns = zip(*cells.texts, strict=True) if cells.texts else [[] for _ in cells.header]
    widths = [
        max(max(map(len, column), default=0), *map(len, [*_folded(heading, list(column)), ""]))
        for heading, column in zip(cells.header, columns, strict=True)
    ]
    return sum(widths) * FONTS[font] + GAP * (len(widths) - 1)


def _without_repeats(texts: Sequence[Sequence[str]], keys: int) -> list[list[str]]:
    """Return rows in which the first columns are blank where they are as in the row above."""
    rows = [list(row) for row in texts]
    for above, below in zip(texts, rows[1:], strict=False):
        for place in range(keys):
            if above[place] != below[place]:
                break
            below[place] = ""
    return rows


def _column(place: int, cells: Cells, texts: list[list[str]]) -> _Column:
    own = [row[place] for row in texts]
    heading = _folded(cells.header[place], own)
    marked = [(i, place) in cells.bold for i in range(len(own))]
    if not cells.is_number[place]:
        return _Column(
            "l", _stacked(heading, "l"), [_text(cell, bold) for cell, bold in zip(own, marked, strict=True)]
        )
    parts = _parts(own)
    if not any(tail for _, tail in parts):
        return _Column(
            "r", _stacked(heading, "r"), [_marked(cell, bold) for cell, bold in zip(own, marked, strict=True)]
        )
    joined = [f"{_marked(mean, bold)} & {tail}" for (mean, tail), bold in zip(parts, marked, strict=True)]
    return _Column("r@{}l", f"\\multicolumn{{2}}{{c}}{{{_stacked(heading, 'c')}}}", joined)


def _text(cell: str, bold: bool) -> str:
    indent = r"\quad " if cell.startswith("  ") else ""
    return indent + _marked(cell.strip(), bold)


def _marked(cell: str, bold: bool) -> str:
    return rf"\textbf{{{latex(cell)}}}" if bold else latex(cell)


def _parts(own: list[str]) -> list[tuple[str, str]]:
    """Return each cell as a number and, in LaTeX, what follows it, deviations of equal width."""
    found = [TAIL.search(cell) for cell in own]
    tails = [match.group() if match else "" for match in found]
    digits = max((len(each.group(2)) for each in map(DEVIATION.match, tails) if each), default=0)
    return [(cell.removesuffix(tail), _padded(tail, digits)) for cell, tail in zip(own, tails, strict=True)]


def _padded(tail: str, digits: int) -> str:
    if not (match := DEVIATION.match(tail)):
        return f"~{latex(tail.strip())}" if tail else ""
    missing = digits - len(match.group(2))
    space = rf"\phantom{{{'0' * missing}}}" if missing else ""
    return rf"\,$\pm$\,{space}{latex(match.group(2) + match.group(3))}"


def _folded(heading: str, own: Sequence[str]) -> list[str]:
    """Return a heading's lines, folded between words to the width of what stands under it."""
    said = printable(heading)
    longest = max((len(each) for each in [*own, *said.split()]), default=1)
    return wrap(said, max(1, longest), break_long_words=False, break_on_hyphens=False) or [""]


def _stacked(lines: list[str], side: str) -> str:
    if len(lines) == 1:
        return latex(lines[0])
    inside = r" \\ ".join(map(latex, lines))
    return rf"\shortstack[{side}]{{{inside}}}"
