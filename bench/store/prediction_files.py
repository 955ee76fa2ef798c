"""Predictions as Parquet files."""

import io
from typing import Literal

from bench.evaluation.predictions import LabelledPredictions
from bench.store.file_sources import RunFiles, read_checked


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

    table = parquet.ParquetFile(pyarrow.BufferReader(content)).read()
    names = [name for name in table.column_names if not name.startswith("__")]  # pandas' index, if it wrote one
    return LabelledPredictions.of({name: table[name].to_numpy() for name in names})


def read_predictions(files: RunFiles, part: Literal["test", "train"]) -> LabelledPredictions:
    """Return a run's stored predictions.

    Raises:
        FileNotFoundError: they are not here.
        ValueError: their file is not as it was written.
    """
    return from_parquet(read_checked(files, (f"{part}.parquet",))[f"{part}.parquet"])
