"""The format of tables: text cells, how numbers become such, and the files tables are written as."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from bench.report.summaries import Summary

ABSENT = "–"
ORACLE = "†"  # after the name of a method that is told the true noise rate
ORACLE_NOTE = f"{ORACLE} is told the true rate of wrong labels, which no user would know."
# Signs that LaTeX knows by a command only.
LATEX = {"±": r"$\pm$", "−": "$-$", "–": "--", "×": r"$\times$", "³": "$^3$", ORACLE: r"$^\dagger$"}
BOLD = {"\ue000": r"\textbf{", "\ue001": "}"}  # by signs that no cell holds


@dataclass(frozen=True)
class Table:
    """A table ready to be shown: cells are text, notes say how to read them."""

    name: str  # for file names
    title: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str]
    bold: frozenset[tuple[int, int]] = frozenset()  # (row, column) of cells that a test supports

    @property
    def all_notes(self) -> list[str]:
        """The notes, with that on the oracle's mark where it stands."""
        is_marked = ORACLE in self.title or any(ORACLE in text for row in self.rows for text in row)
        return [*self.notes, ORACLE_NOTE] if is_marked else self.notes

    def markdown(self) -> str:
        """Return the table as GitHub Markdown with its title and notes."""
        marked = self._marked("**", "**")
        body = tabulate(marked, self.header, "github", disable_numparse=True, stralign="left")
        return "\n\n".join([f"**{self.title}**", body, *self.all_notes]) + "\n"

    def latex(self) -> str:
        """Return the table as LaTeX for the package booktabs, title and notes as comments."""
        comments = "".join(f"% {line}\n" for line in (self.title, *self.all_notes))
        body = tabulate(self._marked(*BOLD), self.header, "latex_booktabs", disable_numparse=True)
        for sign, command in (LATEX | BOLD).items():
            body = body.replace(sign, command)
        return f"{comments}{body}\n"

    def csv(self) -> str:
        """Return header and rows as CSV."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.header, *self.rows])
        return text.getvalue()

    def write(self, folder: Path) -> None:
        """Write the table to a folder in all three formats."""
        for ending, text in ((".md", self.markdown()), (".tex", self.latex()), (".csv", self.csv())):
            (folder / f"{self.name}{ending}").write_text(text, encoding="utf-8")

    def _marked(self, before: str, after: str) -> list[list[str]]:
        return [
            [f"{before}{text}{after}" if (i, j) in self.bold else text for j, text in enumerate(row)]
            for i, row in enumerate(self.rows)
        ]


def formatted(summary: Summary | None, form: Callable[[float], str]) -> str:
    """Return mean ± standard deviation, each as `form` writes a number."""
    if summary is None:
        return ABSENT
    spread = "" if summary.std is None else f" ± {form(summary.std)}"
    return f"{form(summary.mean)}{spread}"


def percent(summary: Summary | None) -> str:
    """Return a fraction in %, with two decimals."""
    return formatted(summary, lambda value: f"{100 * value:.2f}")


def count(summary: Summary | None) -> str:
    """Return a count: whole where it is one run's and whole, else with one decimal."""
    whole = summary is not None and summary.std is None and summary.mean.is_integer()
    return formatted(summary, "{:.0f}".format if whole else "{:.1f}".format)
