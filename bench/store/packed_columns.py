"""Tables of numbers by column: read from CSV, and kept as bytes that are far faster to read.

The bytes open with a line of JSON, names and types of the columns; after it come their values, column by column.
"""

import io
import json
import re

import numpy as np
import pandas as pd

Columns = dict[str, np.ndarray]

# Numbers of so few digits that there is one right way to round them; an empty cell is an undefined value.
CELL = rb"(?:-?(?:\d{1,15}|\d{1,5}\.\d{1,10}|\d(?:\.\d{1,5})?e[-+](?:0\d|1[0-7])))?"
PLAIN = re.compile(rb"\w+(?:,\w+)+\n(?:" + CELL + rb"[,\n])+")


def read_csv(content: bytes) -> Columns:
    """Return a CSV file's columns as pandas reads them, ten times as fast where it holds plain numbers only.

    Raises:
        ValueError: the file cannot be read so.
    """
    if PLAIN.fullmatch(content):
        header, *rows = [line.split(",") for line in content.decode().splitlines()]
        if len(set(header)) == len(header) and {len(row) for row in rows} == {len(header)}:
            return {name: _numbers(texts) for name, *texts in zip(header, *rows, strict=True)}
    return from_frame(pd.read_csv(io.BytesIO(content)))


def from_frame(frame: pd.DataFrame) -> Columns:
    """Return the columns of a data frame."""
    return {str(name): column.to_numpy() for name, column in frame.items()}


def pack(columns: Columns) -> bytes:
    """Return columns as bytes.

    Raises:
        ValueError: one holds something else than numbers.
    """
    for name, values in columns.items():
        if values.dtype.kind not in "biuf":
            raise ValueError(f"column {name} holds something else than numbers")
    header = json.dumps([[name, values.dtype.str] for name, values in columns.items()])
    return b"\n".join([header.encode(), b"".join(values.tobytes() for values in columns.values())])


def unpack(packed: bytes) -> Columns:
    """Return the columns that `pack` made bytes of; they cannot be written to."""
    header, _, content = packed.partition(b"\n")
    types = {name: np.dtype(kind) for name, kind in json.loads(header)}
    rows = len(content) // max(1, sum(kind.itemsize for kind in types.values()))
    columns, start = {}, 0
    for name, kind in types.items():
        columns[name] = np.frombuffer(content, kind, rows, start)
        start += rows * kind.itemsize
    return columns


def _numbers(texts: list[str]) -> np.ndarray:
    try:
        return np.array([int(text) for text in texts], dtype=np.int64)
    except ValueError:
        return np.array([float(text or "nan") for text in texts])
