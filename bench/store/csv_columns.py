"""CSV tables of numbers, read by column."""

import io
import re

import numpy as np
import pandas as pd

Columns = dict[str, np.ndarray]

# Numbers of so few digits that there is one right way to round them; an empty cell is undefined.
CELL = rb"(?:-?(?:\d{1,15}|\d{1,5}\.\d{1,10}|\d(?:\.\d{1,5})?e[-+](?:0\d|1[0-7])))?"
PLAIN = re.compile(rb"\w+(?:,\w+)+\n(?:" + CELL + rb"[,\n])+")


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return a data frame as CSV, numbers with six digits."""
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.6g").encode()


def read_csv(content: bytes) -> Columns:
    """Return a CSV file's columns as pandas reads them, much faster for plain numbers.

    Raises:
        ValueError: the file cannot be read so.
    """
    if is_plain(content):
        return read_plain(content)
    frame = pd.read_csv(io.BytesIO(content))
    return {str(name): column.to_numpy() for name, column in frame.items()}


def read_plain(content: bytes) -> Columns:
    """Return the columns of a CSV file that is plain, as `is_plain` says."""
    header, _, body = content.partition(b"\n")
    names = header.decode().split(",")
    if b",," in body or b",\n" in body or body.startswith(b",") or b"\n," in body:
        return _by_cell(names, body)
    values = np.fromstring(body.replace(b"\n", b",")[:-1], sep=",").reshape(-1, len(names))
    if (values == np.floor(values)).all(axis=0).any():  # whole numbers, which are integers if they are written so
        return _by_cell(names, body)
    return dict(zip(names, np.ascontiguousarray(values.T), strict=True))


def _by_cell(names: list[str], body: bytes) -> Columns:
    rows = [line.split(",") for line in body.decode().splitlines()]
    return {name: _numbers(texts) for name, *texts in zip(names, *rows, strict=True)}


def is_plain(content: bytes) -> bool:
    """Return whether a CSV file holds plain numbers only, one in each row for each column."""
    if not PLAIN.fullmatch(content):
        return False
    header, *rows = content.splitlines()
    commas = header.count(b",")
    return len({*header.split(b",")}) == commas + 1 and all(row.count(b",") == commas for row in rows)


def check(content: bytes, name: str, first: str) -> None:
    """Check that a CSV file has rows under a first column of that name; plain numbers are not read.

    Raises:
        ValueError: it has not, or a column holds something else than numbers.
    """
    if content.startswith(f"{first},".encode()) and is_plain(content):
        return
    columns = read_csv(content)
    if next(iter(columns), None) != first or not len(columns[first]):
        raise ValueError(f"{name} has no rows under a column {first}")
    if odd := [column for column, values in columns.items() if values.dtype.kind not in "biuf"]:
        raise ValueError(f"column {odd[0]} of {name} holds something else than numbers")


def _numbers(texts: list[str]) -> np.ndarray:
    try:
        return np.array([int(text) for text in texts], dtype=np.int64)
    except ValueError:
        return np.array([float(text or "nan") for text in texts])
