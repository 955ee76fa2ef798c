"""How a table fits a terminal: text is folded between words, numbers go on in further blocks."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Literal

from rich.cells import cell_len
from rich.table import Table as RichTable
from rich.text import Text

from bench.escaping import printable
from bench.report.table import Table

GAP = 1  # blank between columns


class Layout:
    """The texts of a table, folded until a block of its columns fits a screen.

    Args:
        table: what to show.
        room: width of the screen in characters.
    """

    def __init__(self, table: Table, room: int) -> None:
        self.table, self.room = table, room
        self.headings = [heading.replace(": ", ":\n") for heading in map(printable, table.header)]
        self.rows = [list(map(printable, row)) for row in table.texts]
        self.numbers = [column.is_number for column in table.columns]
        self.keys = next((place for place, number in enumerate(self.numbers) if number), len(self.numbers))

    def blocks(self) -> list[RichTable]:
        """Return the table in one block, or in several that repeat the text at the left."""
        everything = list(range(len(self.headings)))
        if not self._fits(everything):
            self.headings = [heading.replace(" ", "\n") for heading in self.headings]
        self._fold_texts(everything)
        return [self._drawn(places) for places in self._split(everything)]

    def _fits(self, places: Sequence[int]) -> bool:
        return self._total(places) <= self.room

    def _total(self, places: Sequence[int]) -> int:
        return sum(self._width(place) + GAP for place in places) - GAP

    def _width(self, place: int) -> int:
        return max(map(cell_len, (*self.headings[place].splitlines(), *self._lines(place), "")))

    def _lines(self, place: int) -> list[str]:
        return [line for row in self.rows for line in row[place].splitlines()]

    def _fold_texts(self, places: Sequence[int]) -> None:
        """Fold the widest columns of text between words, as far as needed and possible."""
        texts = [place for place in places if not self.numbers[place]]
        while texts and not self._fits(places):
            widest = max(texts, key=self._width)
            excess = self._total(places) - self.room
            self._fold(widest, max(self._longest_word(widest), self._width(widest) - excess))
            texts.remove(widest)

    def _longest_word(self, place: int) -> int:
        words = [word for line in (self.headings[place], *self._lines(place)) for word in line.split()]
        return max(map(cell_len, words), default=1)

    def _fold(self, place: int, width: int) -> None:
        for row in self.rows:
            row[place] = "\n".join(wrap(row[place], max(1, width), break_on_hyphens=False))

    def _split(self, places: list[int]) -> list[list[int]]:
        """Return the columns of each block; a column that fits nowhere has its words broken."""
        keys, values = places[: self.keys], places[self.keys :]
        if not values or self._fits(places):
            self._break_words(places)
            return [places]
        blocks = [list(keys)]
        for place in values:
            if len(blocks[-1]) > len(keys) and not self._fits([*blocks[-1], place]):
                blocks.append(list(keys))
            blocks[-1].append(place)
        for block in blocks:
            self._break_words(block)
        return blocks

    def _break_words(self, places: list[int]) -> None:
        texts = [place for place in places if not self.numbers[place]]
        if texts and not self._fits(places):
            widest = max(texts, key=self._width)
            left = self._width(widest) + self.room - self._total(places)
            self._fold(widest, max(self.room // 4, left))

    def _drawn(self, places: list[int]) -> RichTable:
        shown = RichTable(box=None, header_style="bold", padding=(0, GAP, 0, 0), pad_edge=False)
        for place in places:
            justify: Literal["left", "right"] = "right" if self.numbers[place] else "left"
            shown.add_column(Text(self.headings[place]), justify=justify, no_wrap=True, overflow="fold")
        for i, row in enumerate(self.rows):
            cells = [Text(row[place], style="bold" if (i, place) in self.table.bold else "") for place in places]
            shown.add_row(*cells, style="dim" if self.table.rows[i].kind == "published" else None)
        return shown
