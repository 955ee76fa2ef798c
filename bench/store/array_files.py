"""Files of predictions that were made elsewhere, npz or Parquet, as arrays by name.

Parquet files may be those of a stored run, whose columns are named one by one.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import UsageError, one_line
from bench.evaluation.array_names import TRAIN
from bench.evaluation.predictions import LabelledPredictions
from bench.files.atomic import replace_file
from bench.files.npz import MOST, read_npz
from bench.files.reading import read_file
from bench.store.prediction_files import EXPANSION, ROOM, to_parquet

# Columns of a stored run: NAME_0, NAME_1, … side by side are an array.
STACKED = {
    "logit": "logits",
    "log_probability": "log_probabilities",
    "probability": "probabilities",
    "feature": "features",
}
SINGLE = {"label": "labels"}


def read_arrays(path: Path, *, training: bool = False) -> dict[str, np.ndarray]:
    """Return the arrays of a file by their names in `OUTSIDE_ARRAYS`, whatever they hold.

    Args:
        path: of an npz or Parquet file.
        training: whether it is a file of training images, in which `train_` may be left out.

    Raises:
        UsageError: it is no such file, cannot be read, or holds more than it may.
    """
    readers = {".npz": read_npz, ".parquet": _read_parquet}
    if path.suffix not in readers:
        raise UsageError(f"{path}: must be an npz or a Parquet file, named .npz or .parquet")
    try:
        found = _renamed(readers[path.suffix](path))
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error if isinstance(error, ValueError) else one_line(error)}") from None
    return {_of_training(name): values for name, values in found.items()} if training else found


def write_arrays(path: Path, found: LabelledPredictions) -> None:
    """Write predictions to an npz or Parquet file in the form that `read_arrays` reads.

    Args:
        path: of the file; its ending says which.
        found: the predictions of a test set.
    """
    with replace_file(path) as file:
        if path.suffix == ".npz":
            np.savez(file, **arrays_of(found))  # type: ignore[arg-type]
        else:
            file.write(to_parquet(found))


def arrays_of(found: LabelledPredictions) -> dict[str, np.ndarray]:
    """Return predictions of a test set as arrays by their names in `OUTSIDE_ARRAYS`."""
    return _renamed(found.table())


def _of_training(name: str) -> str:
    return name if name.startswith(TRAIN) else f"{TRAIN}{name}"


def _renamed(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays in which columns of a stored run are put together."""
    found, parts = dict[str, np.ndarray](), dict[str, dict[int, np.ndarray]]()
    for name, values in columns.items():
        numbered = re.fullmatch(rf"({'|'.join(STACKED)})_(\d{{1,6}})", name)
        if numbered:
            parts.setdefault(STACKED[numbered[1]], {})[int(numbered[2])] = values
        else:
            found[SINGLE.get(name, name)] = values
    for name, numbers in parts.items():
        if name in found or sorted(numbers) != list(range(len(numbers))):
            raise ValueError(f"its columns of {name} are not numbered 0, 1, … without a gap, or are there twice")
        found[name] = np.stack([numbers[place] for place in range(len(numbers))], axis=1)
    return found


def _read_parquet(path: Path) -> dict[str, np.ndarray]:
    import pyarrow
    from pyarrow import parquet

    content = read_file(path, MOST)
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(content))
        _check(file, len(content))
        table = file.read()
    except (pyarrow.ArrowException, OSError, MemoryError) as error:
        raise ValueError(f"it is no Parquet file that can be read ({type(error).__name__})") from None
    names = [name for name in table.column_names if not name.startswith("__")]  # pandas' index, if it wrote one
    return {name: _array(name, table[name]) for name in names}


def _check(file: Any, size: int) -> None:
    """Check that a Parquet file has columns of numbers or of lists of them, and not too many."""
    for column in file.schema_arrow:
        if not (_is_number(column.type) or (_is_list(column.type) and _is_number(column.type.value_type))):
            raise ValueError(f"its column {column.name!r:.40} holds {column.type!s:.40}, must hold numbers")
    if len({*file.schema_arrow.names}) < len(file.schema_arrow.names):
        raise ValueError("two of its columns have one name")
    about = file.metadata
    groups = [about.row_group(place) for place in range(about.num_row_groups)]
    values = sum(group.column(place).num_values for group in groups for place in range(group.num_columns))
    if 8 * values > ROOM + EXPANSION * size:
        raise ValueError(f"its {values} values are more than {size} bytes may unpack to")


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return types.is_integer(kind) or types.is_floating(kind)


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _array(name: str, column: Any) -> np.ndarray:
    """Return a column as an array, (n,) of numbers, (n, k) of lists that are equally long."""
    if column.null_count:
        raise ValueError(f"its column {name!r:.40} has {column.null_count} empty places")
    if not _is_list(column.type):
        return column.to_numpy()
    import pyarrow
    from pyarrow import compute

    whole = pyarrow.concat_arrays(column.chunks)
    lengths = np.unique(compute.list_value_length(whole).to_numpy())
    values = whole.flatten()
    if len(lengths) != 1 or values.null_count:
        raise ValueError(f"its column {name!r:.40} must hold lists of one length without empty places")
    return values.to_numpy().reshape(len(whole), int(lengths[0]))
