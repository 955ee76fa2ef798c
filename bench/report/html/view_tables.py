"""Tables of the page: their texts, and each row as LaTeX, Markdown and CSV to be copied."""

from collections.abc import Mapping
from typing import Any

from bench.escaping import printable
from bench.report.columns import Methods
from bench.report.table import Table
from bench.report.values import MethodLabel


def told(table: Table, kind: str, methods: Mapping[str, int], noises: Mapping[str, int]) -> dict[str, Any]:
    """Return what the page needs of a table.

    Args:
        table: to show.
        kind: its name among tables, such as `accuracy`.
        methods: the places of row labels in the setting.
        noises: the places of labels of noise in the setting.
    """
    return {
        "name": printable(table.name),
        "kind": kind,
        "title": printable(table.title),
        "columns": [[printable(column.heading), column.is_number] for column in table.columns],
        "keys": [place for place, column in enumerate(table.columns) if isinstance(column, Methods)],
        "rows": [[printable(text) for text in row] for row in table.texts],
        "kinds": [row.kind for row in table.rows],
        "methods": [_method(row.cells, methods) for row in table.rows],
        "noises": _noises(table, noises),
        "bold": sorted(table.bold),
        "notes": [printable(note) for note in table.all_notes],
        "copy": {"latex": _latex(table), "markdown": _markdown(table), "csv": _csv(table)},
    }


def _method(cells: Any, methods: Mapping[str, int]) -> int:
    """Return the place of the method that a row is of, −1 for none that can be picked."""
    for cell in cells:
        if isinstance(cell, MethodLabel):
            return methods.get(cell.text, -1)
    return -1


def _noises(table: Table, noises: Mapping[str, int]) -> list[int]:
    """Return the place of the noise that each row is of, −1 where it is of none or of several."""
    column = next((j for j, column in enumerate(table.columns) if column.heading == "noise"), None)
    if column is None:
        return [-1] * len(table.rows)
    return [noises.get(str(row.cells[column]), -1) for row in table.rows]


def _latex(table: Table) -> dict[str, Any]:
    """Return the lines of a `tabular` before, of and after its rows."""
    head, body = table.latex(whole_rows=True).split("\\midrule\n")
    rows, foot = body.split("\\bottomrule")
    return {"head": f"{head}\\midrule", "rows": rows.splitlines(), "foot": f"\\bottomrule{foot}".rstrip("\n")}


def _markdown(table: Table) -> dict[str, Any]:
    title, lines, *notes = table.markdown().rstrip("\n").split("\n\n")
    head, rule, *rows = lines.splitlines()
    return {"head": f"{title}\n\n{head}\n{rule}", "rows": rows, "foot": "\n" + "\n\n".join(notes)}


def _csv(table: Table) -> dict[str, Any]:
    head, *rows = table.csv().splitlines()
    return {"head": head, "rows": rows, "foot": ""}
