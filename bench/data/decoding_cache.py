"""Cache of decoded image files: one array on disk, which later runs map into memory.

    CACHE/train-5d0c1f2a/      one image folder with one decoder and its options
        lock                   lock of the process that decodes; others wait for it
        3b9f….npy              the images, named by a hash of the files' names, sizes and times
        3b9f….json             size and time of the array, to detect a replaced or torn file

CACHE is $BENCH_CACHE, else ~/.cache/uncertainty-bench. Arrays of former states of the files are
removed.
"""

import hashlib
import inspect
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import joblib
import numpy as np
import PIL
from jaxtyping import UInt8

from bench.data import image_files
from bench.data.images import MappedImages
from bench.data.prefetch import ahead
from bench.errors import BenchError, DataError, one_line
from bench.files.atomic import replace_file
from bench.files.cache_place import cache_folder
from bench.files.locks import waiting

Shape = tuple[int, int, int]
Decode = Callable[[tuple[str, Any]], UInt8[np.ndarray, "channels height width"]]
# Images per decoding thread in memory, so that no thread waits while a large file is decoded.
IN_FLIGHT = 8


class Embedded(NamedTuple):
    """Images that lie within files: how many, and a function that goes through them in order.

    Each is a pair of what names it in messages, and of anything that the decoder understands.
    """

    size: int
    read: Callable[[], Iterable[tuple[str, Any]]]


class Decoded(NamedTuple):
    """Decoded images, and mean and standard deviation of each channel on the 0–1 scale."""

    images: MappedImages
    mean: list[float]
    std: list[float]


def decode_once(
    folder: Path,
    paths: Sequence[str],
    shape: Shape,
    decode: Callable[..., Any],
    *,
    part: str = "",
    embedded: Embedded | None = None,
    **options: Any,
) -> Decoded:
    """Return the decoded images of a folder's files, in the order of `paths`.

    The files are decoded only if they or the decoder have changed since the last call.

    Args:
        folder: of the files.
        paths: of the files, each starting with `folder`.
        shape: (C, H, W) of every image.
        decode: a plain function that returns one uint8 image (C, H, W) for a path and the options.
            A change of its source code or of `read_image` is noticed; changes of other functions
            that it calls are not.
        part: name of the part of a data set, where several parts share the folder.
        embedded: the images, where they lie within the files; `decode` gets each pair.
        **options: passed on to `decode`.

    Raises:
        DataError: the array cannot be written, a file cannot be read or decoded (the message names
            it), or an image has another shape or type.
    """
    code = [inspect.getsource(decode), inspect.getsource(image_files)]
    made_of = [str(folder.resolve()), *code, shape, options, PIL.__version__, *([part] if part else [])]
    place = cache_folder() / f"{folder.name}-{_hash(json.dumps(made_of, sort_keys=True))[:8]}"
    path = place / f"{state(folder, paths)}.npy"
    try:
        if found := _stored(path):
            return found
        with waiting(place / "lock", f"the images of {folder}, decoded in {place}"):
            images = embedded or Embedded(len(paths), lambda: ((each, each) for each in paths))
            work = partial(decode, **options)
            return _stored(path) or _build(path, images, shape, work if embedded else _of_path(work))
    except OSError as error:
        raise DataError(
            f"decoded images cannot be kept in {place} ({one_line(error)}); set BENCH_CACHE to another folder"
        ) from None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def state(folder: Path, paths: Sequence[str]) -> str:
    """Return a hash of the files' names, sizes and modification times.

    Raises:
        DataError: a file cannot be read; the message names it.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 - faster than a Path, for a million files
        except OSError as error:
            raise unreadable(path, error) from None
        line = f"{path.removeprefix(str(folder))}\0{status.st_size}\0{status.st_mtime_ns}\0"
        digest.update(os.fsencode(line))
    return digest.hexdigest()[:16]


def unreadable(path: str, error: OSError) -> DataError:
    """Return the error for a file of a data set that cannot be read."""
    return DataError(f"{path} cannot be read: {error.strerror or one_line(error)}")


def _stored(path: Path) -> Decoded | None:
    """Return the cached images, or None if they are absent, incomplete or replaced."""
    try:
        if not (beside := path.with_suffix(".json")).is_file():  # a pipe would be waited for
            return None
        about = json.loads(beside.read_text(encoding="utf-8"))
        if about["written"] != _written(path):
            return None
        return Decoded(MappedImages.open(path), about["mean"], about["std"])
    except (OSError, ValueError, KeyError, TypeError, BenchError):
        return None


def _written(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _of_path(decode: Callable[[str], Any]) -> Decode:
    return lambda pair: decode(pair[0])


def _build(path: Path, images: Embedded, shape: Shape, decode: Decode) -> Decoded:
    """Decode the files into an array that takes its place in one step, as does what is said of it.

    The caller must hold the lock.
    """
    _clear(path.parent)
    _check_room(path.parent, images.size * math.prod(shape))
    with replace_file(path) as file:
        mean, std = _write(file, images, shape, decode)
    with replace_file(path.with_suffix(".json")) as file:
        file.write(json.dumps({"written": _written(path), "mean": mean, "std": std}).encode())
    return Decoded(MappedImages.open(path), mean, std)


def _clear(place: Path) -> None:
    """Remove arrays of former states and partial files; processes that mapped one keep it."""
    for path in place.iterdir():
        if path.suffix in (".npy", ".json", ".partial"):
            path.unlink()


def _check_room(place: Path, needed: int) -> None:
    free = shutil.disk_usage(place).free
    if free < needed:
        raise DataError(
            f"decoded images need {needed / 1e9:.1f} GB in {place}, where {free / 1e9:.1f} GB are free; "
            f"set BENCH_CACHE to a folder with room"
        )


def _write(file: BinaryIO, images: Embedded, shape: Shape, decode: Decode) -> tuple[list[float], list[float]]:
    """Write the array of decoded files; return mean and standard deviation of its channels."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (images.size, *shape)}
    np.lib.format.write_array_header_1_0(file, header)
    threads = joblib.cpu_count()  # that this process may use
    levels = Levels(shape[0])
    with closing(ahead(partial(_decoded, decode), images.read(), IN_FLIGHT * threads, threads)) as found:
        for name, image in found:
            if image.shape != shape or image.dtype != np.uint8:
                seen = f"{image.dtype} {image.shape}"
                raise DataError(f"{name}: decoded images must be uint8 {shape}, got {seen}")
            file.write(image.tobytes())
            levels.add(image)
    return levels.mean_and_std()


def _decoded(decode: Decode, pair: tuple[str, Any]) -> tuple[str, UInt8[np.ndarray, "channels height width"]]:
    try:
        return pair[0], decode(pair)
    except (BenchError, MemoryError):
        raise
    except Exception as error:
        raise DataError(f"{pair[0]} cannot be decoded: {one_line(error)}") from error


class Levels:
    """Sums of grey levels per channel, as integers so that nothing is rounded."""

    def __init__(self, channels: int) -> None:
        self.count = 0
        self.sums = np.zeros(channels, dtype=np.int64)
        self.squares = np.zeros(channels, dtype=np.int64)

    def add(self, image: UInt8[np.ndarray, "channels height width"]) -> None:
        """Add one image (C, H, W)."""
        pixels = image.reshape(len(image), -1).astype(np.int64)
        self.count += pixels.shape[1]
        self.sums += pixels.sum(axis=1)
        self.squares += (pixels * pixels).sum(axis=1)

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        """Return mean and standard deviation (with n − 1) per channel, on the 0–1 scale."""
        n, each = self.count, list(zip(self.sums.tolist(), self.squares.tolist(), strict=True))
        means = [total / (255 * n) for total, _ in each]
        variances = [(n * square - total * total) / (n * max(n - 1, 1)) for total, square in each]
        return means, [math.sqrt(variance) / 255 for variance in variances]
