"""Tables with a column of images and one of labels: Parquet files, or what a library loaded."""

import importlib
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from bench.api import DataError, one_line, parse_json, visible_files

BATCH = 256  # rows that are read at once
IMAGES, LABELS = ("image", "img"), ("label", "labels")  # columns, where none is named
OF_SEVERAL = re.compile(r"-(\d+)-of-(\d+)")
Image = tuple[str, bytes | None]  # what names it, or its path; its content, if it lies in a table


class Columns(NamedTuple):
    """Names of the columns of images and labels; None: the first of the usual names."""

    image: str | None
    label: str | None

    def found_in(self, where: str, columns: Sequence[str]) -> tuple[str, str]:
        """Return both names.

        Raises:
            DataError: there is no such column.
        """
        pairs = ((self.image, IMAGES, "image"), (self.label, LABELS, "label"))
        return tuple(_column(where, columns, *pair) for pair in pairs)  # type: ignore[return-value]


def _column(where: str, columns: Sequence[str], given: str | None, usual: Sequence[str], option: str) -> str:
    names = usual if given is None else (given,)
    if found := [name for name in names if name in columns]:
        return found[0]
    has = ", ".join(columns) or "none"
    raise DataError(
        f"{where} has no column {' or '.join(names)}, it has {has}; pass --set parquet.{option}=COLUMN"
    )


class Table(NamedTuple):
    """One part of a data set: the files it lies in, its labels, and how its images are read.

    `labels` are whole numbers or texts. `names` are those of the classes, if they are known.
    """

    where: str
    part: str
    folder: Path
    files: list[str]
    labels: list[Any]
    names: list[str] | None
    images: Callable[[], Iterable[Image]]


def open_shards(folder: Path, split: str, columns: Columns) -> Table:
    """Return a part from the Parquet files of a folder.

    Raises:
        DataError: there is none, one of several is missing, or one is damaged; it is named.
    """
    paths = _shards(folder, split)
    image, label = columns.found_in(f"parquet: {paths[0]}", _schema(paths[0]).names)
    labels: list[Any] = []
    for path in paths:
        columns.found_in(f"parquet: {path}", _schema(path).names)
        labels += _read(path, label)
    place = paths[0].parent
    read = partial(_images_of, paths, image)
    return Table(
        f"parquet: {place}, {split}", split, place, list(map(str, paths)), labels, _names(paths[0], label), read
    )


def _shards(folder: Path, split: str) -> list[Path]:
    """Return a part's files, SPLIT.parquet, SPLIT-….parquet or SPLIT/*.parquet, of one folder."""
    if not folder.is_dir():
        raise DataError(f"parquet: there is no folder {folder}; pass --set parquet.path=DIR")
    found = [path for path in visible_files(folder, "**/*.parquet") if _is_shown(path.relative_to(folder))]
    places: dict[Path, list[Path]] = defaultdict(list)
    for path in found:
        in_its_folder = path.relative_to(folder).parts[-2:-1] == (split,)
        if in_its_folder or re.fullmatch(rf"{re.escape(split)}([-.].*)?", path.stem):
            places[path.parent].append(path)
    if not places:
        seen = ", ".join(str(path.relative_to(folder)) for path in found[:8]) or "no .parquet file"
        wanted = f"{split}.parquet, {split}-*.parquet or {split}/*.parquet"
        raise DataError(f"parquet: {folder} has no {wanted}, it has {seen}")
    if len(places) > 1:
        seen = ", ".join(str(place.relative_to(folder)) for place in sorted(places)[:8])
        raise DataError(f"parquet: {folder} has {split} in several folders ({seen}); pass one as the path")
    (paths,) = places.values()
    _require_all(paths)
    return paths


def _is_shown(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts)


def _require_all(paths: list[Path]) -> None:
    """Check that of files numbered `-00000-of-00003` each is there, and once.

    Raises:
        DataError: one is missing or there twice.
    """
    numbers = [(int(found[1]), int(found[2])) for path in paths if (found := OF_SEVERAL.search(path.stem))]
    if not numbers:
        return
    seen, total = {number for number, _ in numbers}, numbers[0][1]
    place = f"parquet: {paths[0].parent}: of the {total} files like {paths[0].name}"
    if len(seen) < min(total, len(numbers)) or len(numbers) > total:
        raise DataError(f"{place} there are {len(numbers)}; remove those of another download")
    if len(seen) < total:
        raise DataError(f"{place} number {next(k for k in range(total) if k not in seen)} is not there")


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"parquet: {path} is damaged or no Parquet file ({one_line(error)})")


@cache
def _schema_at(path: Path, state: tuple[int, int]) -> Any:
    try:
        return pq.read_schema(path)
    except Exception as error:
        raise _damaged(path, error) from None


def _schema(path: Path) -> Any:
    try:
        status = path.stat()
    except OSError as error:
        raise _damaged(path, error) from None
    return _schema_at(path, (status.st_size, status.st_mtime_ns))


def _read(path: Path, column: str) -> list[Any]:
    try:
        return list(pq.read_table(path, columns=[column], partitioning=None).column(0).to_pylist())
    except Exception as error:
        raise _damaged(path, error) from None


def _names(path: Path, label: str) -> list[str] | None:
    """Return the names of classes that Hugging Face's library wrote into the file; None if none."""
    about = (_schema(path).metadata or {}).get(b"huggingface")
    if about is None:
        return None
    try:
        feature = parse_json(about).get("info", {}).get("features", {}).get(label, {})
        names = feature.get("names") if feature.get("_type") == "ClassLabel" else None
    except (ValueError, AttributeError) as error:
        raise _damaged(path, error) from None
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise _damaged(path, ValueError("the names of its classes are no texts"))
    return names


def _images_of(paths: list[Path], column: str) -> Iterator[Image]:
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                row = 0
                for batch in file.iter_batches(BATCH, columns=[column]):
                    for cell in batch.column(0).to_pylist():
                        yield _content(f"{path}, row {row}", cell)
                        row += 1
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from None


def _content(where: str, cell: Any) -> Image:
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes):
        raise DataError(f"parquet: {where}: the image is not in the file, must be bytes or a struct that has them")
    return where, content


def open_named(name: str, split: str, columns: Columns) -> Table:
    """Return a part of a data set that Hugging Face's library finds by name.

    Raises:
        DataError: the library is not installed, or cannot load it.
    """
    loaded = _loaded(name, split)
    if isinstance(loaded, DataError):
        raise loaded
    where = f"parquet: {name}, {split}"
    image, label = columns.found_in(where, loaded.column_names)
    labels = loaded.select_columns([label]).with_format("arrow")[:].column(0).to_pylist()
    read = partial(_images_of_library, where, loaded, image)
    files = [Path(each["filename"]) for each in loaded.cache_files]
    files += [Path(path) for path, content in read() if content is None]
    names = getattr(loaded.features[label], "names", None)
    return Table(where, split, files[0].parent, list(map(str, files)), labels, names, read)


@cache
def _loaded(name: str, split: str) -> Any:
    """Return the library's data set, or the error; either once, as the library tries for long."""
    library: Any
    try:
        library = importlib.import_module("datasets")
    except ImportError:
        library = None
    if not hasattr(library, "load_dataset"):
        return DataError(
            "parquet: a data set by name needs Hugging Face's library: "
            "pip install 'uncertainty-bench[huggingface]'; files that are here need only --set parquet.path=DIR"
        )
    library.disable_progress_bars()
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.CRITICAL)  # each try would be a line
    try:
        return library.load_dataset(name, split=split)
    except Exception as error:
        return DataError(f"parquet: {name} cannot be loaded by Hugging Face's library ({one_line(error)})")
    finally:
        log.setLevel(level)


def _images_of_library(where: str, loaded: Any, column: str) -> Iterator[Image]:
    row = 0
    for batch in loaded.select_columns([column]).with_format("arrow").iter(BATCH):
        for cell in batch.column(0).to_pylist():
            if isinstance(cell, dict) and cell.get("bytes") is None and cell.get("path"):
                yield str(cell["path"]), None
            else:
                yield _content(f"{where.removeprefix('parquet: ')}, row {row}", cell)
            row += 1
