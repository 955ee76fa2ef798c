"""Tables and lists that come with data sets, and the image files that they name."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from bench.api import DataError, one_line


def read_csv(owner: str, path: Path, columns: Sequence[str], **options: Any) -> pd.DataFrame:
    """Return a CSV table of texts.

    Args:
        owner: name of the data set, for messages.
        path: of the file.
        columns: that it must have.
        **options: further ones of pandas' reader.

    Raises:
        DataError: it is no CSV table, or lacks a column.
    """
    try:
        table = pd.read_csv(
            path, dtype=str, skipinitialspace=True, keep_default_na=False, skip_blank_lines=False, **options
        )
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise DataError(f"{owner}: {path} is no CSV table: {one_line(error)}") from None
    for column in columns:
        if column not in table:
            raise DataError(f"{owner}: {path} has no column {column}, it has {', '.join(map(str, table.columns))}")
    return table


def read_lines(owner: str, path: Path) -> list[str]:
    """Return the lines of a text file.

    Raises:
        DataError: it is no regular file, or no UTF-8.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise DataError(f"{owner}: {path} is no regular file")
        return path.read_text(encoding="utf-8").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(f"{owner}: {path} is not text: {one_line(error)}") from None


def inside(where: str, folder: Path, name: str) -> str:
    """Return the path of a file that a list names.

    Args:
        where: file and line of the list, for messages.
        folder: that the name is relative to, and within which it must stay.
        name: with / between folders.

    Raises:
        DataError: the name leads out of the folder.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise DataError(f"{where}: {name!r} is no path within {folder}")
    return str(folder.joinpath(*parts))
