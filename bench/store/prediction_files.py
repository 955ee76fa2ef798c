"""Predictions as Parquet files."""

import io
from typing import Any, Literal

from bench.evaluation.predictions import LabelledPredictions
from bench.store.file_sources import RunFiles, read_checked

EXPANSION, ROOM = 100, 2**28  # predictions unpack to at most so many times their size, and so many bytes


def to_parquet(predictions: LabelledPredictions) -> bytes:
    """Return predictions as the content of a Parquet file, one row a sample."""
    import pyarrow
    from pyarrow import parquet  # which a report without pictures of samples does not wait for

    file = io.BytesIO()
    parquet.write_table(pyarrow.table(predictions.table()), file)
    return file.getvalue()


def from_parquet(content: bytes) -> LabelledPredictions:
    """Return the predictions that a Parquet file holds.

    Raises:
        ValueError: it is no such file.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(content))
        _check(file, len(content))
        table = file.read()
    except (pyarrow.ArrowException, OSError, MemoryError) as error:
        raise ValueError(f"it is no Parquet file that can be read ({type(error).__name__})") from None
    names = [name for name in table.column_names if not name.startswith("__")]  # pandas' index, if it wrote one
    return LabelledPredictions.of({name: table[name].to_numpy() for name in names})


def _check(file: Any, size: int) -> None:
    """Check that a Parquet file has columns of numbers, and no more of them than it may.

    Args:
        file: opened.
        size: of the file in bytes.

    Raises:
        ValueError: it has not.
    """
    from pyarrow import types

    schema, rows = file.schema_arrow, file.metadata.num_rows
    for column in schema:
        if not (types.is_integer(column.type) or types.is_floating(column.type)):
            raise ValueError(f"its column {column.name!r:.40} holds {column.type!s:.40}, must hold numbers")
    bytes_unpacked = 8 * rows * len(schema.names)
    if bytes_unpacked > ROOM + EXPANSION * size:
        raise ValueError(
            f"its {rows} rows of {len(schema.names)} columns are more than {size} bytes may unpack to"
        )


def read_predictions(files: RunFiles, part: Literal["test", "train"]) -> LabelledPredictions:
    """Return a run's stored predictions.

    Raises:
        FileNotFoundError: they are not here.
        ValueError: their file is not as it was written.
    """
    return from_parquet(read_checked(files, (f"{part}.parquet",))[f"{part}.parquet"])
