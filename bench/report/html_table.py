"""HTML of a table: plain elements, every text escaped."""

from bench.escaping import html
from bench.report.latex import Cells


def element(cells: Cells, title: str, notes: list[str]) -> str:
    """Return a `table` element with its title as caption and its notes in the foot."""
    head = "".join(
        _cell("th", text, number, False) for text, number in zip(cells.header, cells.is_number, strict=True)
    )
    rows = [
        "".join(
            _cell("td", text, number, (i, j) in cells.bold)
            for j, (text, number) in enumerate(zip(row, cells.is_number, strict=True))
        )
        for i, row in enumerate(cells.texts)
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    said = "<br>\n".join(map(html, notes))
    foot = f'<tfoot><tr><td colspan="{len(cells.header)}">{said}</td></tr></tfoot>\n' if notes else ""
    return (
        f"<table>\n<caption>{html(title)}</caption>\n<thead><tr>{head}</tr></thead>\n{foot}<tbody>\n{body}\n</tbody>\n"
        "</table>\n"
    )


def _cell(name: str, text: str, number: bool, bold: bool) -> str:
    side = ' style="text-align: right"' if number else ""
    said = f"<strong>{html(text.strip())}</strong>" if bold else html(text.strip())
    return f"<{name}{side}>{said}</{name}>"
