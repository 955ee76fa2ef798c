"""Arrays of an npz file, read within bounds and without running a pickle."""

import math
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from bench.files.reading import read_file

MOST = 2**32  # bytes of a file of arrays
EXPANSION, ROOM = 100, 2**28  # it unpacks to at most so many times its size, and so many bytes
MOST_HEADER = 10_000  # characters of the description of one array
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, MemoryError)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of numbers in an npz file by name.

    Raises:
        ValueError: it is no such file, is damaged, unpacks to more than it may, or holds Python
            objects or anything else than numbers.
        OSError: it is not there or cannot be read.
    """
    content = read_file(path, MOST)
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _check_bounds(archive, len(content))
            return {_name(member): _array(archive, member) for member in archive.infolist()}
    except DAMAGED as error:
        raise ValueError(f"it is no npz file that can be read ({type(error).__name__})") from None


def _check_bounds(archive: zipfile.ZipFile, size: int) -> None:
    names = archive.namelist()
    if repeated := [name for place, name in enumerate(names) if name in names[:place]]:
        raise ValueError(f"its array {repeated[0]!r:.80} is there twice")
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > ROOM + EXPANSION * size:
        raise ValueError(f"its {unpacked} bytes are more than a file of {size} bytes may unpack to")


def _name(member: zipfile.ZipInfo) -> str:
    if not member.filename.endswith(".npy"):
        raise ValueError(f"it holds {member.filename!r:.80}, which is no array")
    return member.filename.removesuffix(".npy")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    name = _name(member)
    with archive.open(member) as file:
        shape, by_column, dtype = _header(file, name)
        _check_type(name, dtype)
        size = math.prod(shape) * dtype.itemsize
        if size != member.file_size - file.tell():
            raise ValueError(f"its array {name!r:.80} is not as long as it says")
        values = np.frombuffer(bytearray(file.read(size + 1)), dtype)  # writable
    return values.reshape(shape, order="F" if by_column else "C")


def _header(file: IO[bytes] | zipfile.ZipExtFile, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        return HEADERS[version](file, max_header_size=MOST_HEADER)
    except (ValueError, KeyError):
        raise ValueError(f"its array {name!r:.80} is in no form that is read") from None


def _check_type(name: str, dtype: np.dtype[Any]) -> None:
    if dtype.hasobject:
        raise ValueError(f"its array {name!r:.80} holds Python objects, a pickle, which is not loaded")
    if dtype.kind not in "fiub":
        raise ValueError(f"its array {name!r:.80} holds {dtype!s:.40}, must hold numbers")
