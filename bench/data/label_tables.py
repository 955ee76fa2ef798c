"""Tables of labels in .csv files: labels in the order of the images, or beside image and label."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

import numpy as np
from jaxtyping import Int

from bench.errors import UsageError, brief, unknown

FileNames = Callable[[], Sequence[str]] | None
NUMBER = re.compile(r"[+-]?\d{1,18}")
FRACTION = re.compile(r"[+-]?(\d*\.?\d+([eE][+-]?\d+)?|\d+\.|nan|inf)", re.IGNORECASE)


class Line(NamedTuple):
    """A row of the table, as text."""

    number: int  # in the file, from 1
    image: str | None  # index or file name; None in a table of labels alone
    label: str


class Table(NamedTuple):
    """The rows of a file, the first of which may be a header."""

    lines: list[Line]

    @property
    def has_images(self) -> bool:
        """Whether each label stands beside its image."""
        return self.lines[0].image is not None


def read_table(content: bytes, said: str) -> Table:
    """Return the rows of a table of one column or two; blank lines do not count.

    Args:
        content: of the file, UTF-8.
        said: how messages name the file.

    Raises:
        UsageError: it is no such table, or has no row.
    """
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except UnicodeDecodeError:
        raise UsageError(f"{said}: the file is no UTF-8 text") from None
    except csv.Error as error:
        raise UsageError(f"{said}: the file is no CSV table: {error}") from None
    if not rows:
        raise UsageError(f"{said}: the table has no row")
    width = len(rows[0][1])
    for number, row in rows:
        if len(row) != width or width > 2:
            wanted = "one column of labels, or two, of image and label"
            raise UsageError(f"{said}, line {number}: {len(row)} columns, must be {wanted}")
    return Table([Line(number, row[0] if width == 2 else None, row[-1]) for number, row in rows])


def labels_of_table(
    table: Table, size: int, classes: Sequence[str], file_names: FileNames, said: str
) -> Int[np.ndarray, " n"]:
    """Return the labels of a table in the order of the training images.

    Args:
        table: its rows, the first may be a header.
        size: number of images of the training part.
        classes: names of the classes.
        file_names: returns the names of the training images; None if they have none.
        said: how messages name the file.

    Raises:
        UsageError: it does not fit the data set.
    """
    first, *others = table.lines
    found = np.empty(size, dtype=np.int64)
    if table.has_images:
        by_index = all(NUMBER.fullmatch(line.image or "") for line in others)
        places = {str(k): k for k in range(size)} if by_index else _places(file_names, said)
        rows = others if _is_header(first, places, classes) else table.lines
        found[_in_order(rows, places, size, said)] = _labels(rows, classes, said)
    else:
        has_header = len(table.lines) != size and not _is_label(first.label, classes)
        rows = others if has_header else table.lines
        if len(rows) != size:
            raise UsageError(f"{said}: {len(rows)} labels, must be {size}, one for each training image")
        found[:] = _labels(rows, classes, said)
    return found


def _is_label(text: str, classes: Sequence[str]) -> bool:
    return text in classes or NUMBER.fullmatch(text) is not None


def _is_header(first: Line, places: dict[str, int], classes: Sequence[str]) -> bool:
    image = _one_form(first.image or "")
    return not (image in places or NUMBER.fullmatch(image) or _is_label(first.label, classes))


def _places(file_names: FileNames, said: str) -> dict[str, int]:
    if file_names is None:
        raise UsageError(f"{said}: the training images of this data set have no file names; number them from 0")
    return {name: place for place, name in enumerate(file_names())}


def _in_order(rows: list[Line], places: dict[str, int], size: int, said: str) -> list[int]:
    """Return the place of each row's image.

    Raises:
        UsageError: an image is unknown, has two rows or has none.
    """
    seen: dict[int, int] = {}
    for line in rows:
        place = places.get(_one_form(line.image or ""))
        if place is None:
            known = next(iter(places))
            right = f"must be 0 to {size - 1}" if known == "0" else f"names are relative to train/, as {known}"
            here = f"{said}, line {line.number}"
            raise UsageError(f"{here}: there is no training image {brief(line.image)}; {right}")
        if place in seen:
            lines = f"lines {seen[place]} and {line.number}"
            raise UsageError(f"{said}: the image {line.image} is given twice, in {lines}")
        seen[place] = line.number
    if len(seen) < size:
        first = next(name for name, place in places.items() if place not in seen)
        said_of = f"{len(seen)} labels, must be {size}, one for each training image"
        raise UsageError(f"{said}: {said_of}; {first} is the first without one")
    return list(seen)


def _one_form(image: str) -> str:
    """Return an index without leading zeros, or a name as systems with / write it."""
    return str(int(image)) if NUMBER.fullmatch(image) else image.replace("\\", "/").removeprefix("./")


def _labels(rows: list[Line], classes: Sequence[str], said: str) -> list[int]:
    """Return the labels of rows: names of classes if all are, else numbers.

    Raises:
        UsageError: a label is neither, or all could be both and would mean different classes.
    """
    named = {name: k for k, name in enumerate(classes)}
    readings = [[named.get(line.label) for line in rows], [_number(line.label, len(classes)) for line in rows]]
    fitting = [[k for k in reading if k is not None] for reading in readings if None not in reading]
    if not fitting:
        _refuse(rows, named, said)
    if fitting[0] != fitting[-1]:
        raise UsageError(
            f"{said}: labels such as {rows[0].label} may be names of classes or their numbers from 0; "
            f"those of a .npy file are numbers"
        )
    return fitting[0]


def _number(text: str, num_classes: int) -> int | None:
    """Return the class that a number means, None if the text means none."""
    number = int(text) if NUMBER.fullmatch(text) else -1
    return number if 0 <= number < num_classes else None


def _refuse(rows: list[Line], named: dict[str, int], said: str) -> NoReturn:
    """Raise the error of the first label that does not fit.

    Raises:
        UsageError: always.
    """
    misfits = [line for line in rows if line.label not in named and _number(line.label, len(named)) is None]
    if not misfits:  # each fits one of the two readings
        raise UsageError(f"{said}: labels are names of classes or numbers, not both in one column")
    odd, last = misfits[0], len(named) - 1
    here = f"{said}, line {odd.number}"
    if not odd.label:
        raise UsageError(f"{here}: the label is empty")
    if NUMBER.fullmatch(odd.label):
        raise UsageError(f"{here}: label {odd.label} is outside 0–{last}")
    if FRACTION.fullmatch(odd.label):
        raise UsageError(f"{here}: label {odd.label} is no whole number from 0 to {last}")
    raise UsageError(f"{here}: {unknown('class', odd.label, named)}")
