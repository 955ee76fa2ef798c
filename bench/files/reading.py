"""Files and texts from outside, read within bounds: each fault is a ValueError of one line."""

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, NoReturn

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # may be half of a pair
SMALL = 2**26  # bytes of a text file that is read
MOST_DIGITS = 1000  # of a whole number; Python itself reads no more than 4,300


def read_file(path: Path, most: int = SMALL) -> bytes:
    """Return the content of a regular file.

    Raises:
        ValueError: it is a pipe, a device or the like, or larger than `most` bytes.
        OSError: it is not there or cannot be read.
    """
    # Not to wait for the writer of a pipe; a regular file knows no such wait.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise ValueError(f"{path.name} is no regular file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path.name} is larger than the {most >> 20} MiB that are read")
    return content


def parse_json(content: str | bytes) -> Any:
    """Return what a JSON text holds; its numbers are finite and its names are given once.

    Raises:
        ValueError: it is no such text, or is nested too deeply.
    """
    text = _decoded(content)
    try:
        found = json.loads(
            text,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_once,
        )
        if SURROGATE.search(text):
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("a text in it holds half of a surrogate pair") from None
    return found


def _decoded(content: str | bytes) -> str:
    try:
        return content if isinstance(content, str) else content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(text)} digits")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        repeated = next(name for k, (name, _) in enumerate(pairs) if name in dict(pairs[:k]))
        raise ValueError(f"{repeated!r:.80} is given twice")
    return found


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text holds.

    Raises:
        ValueError: it is no TOML, or is nested too deeply.
    """
    try:
        found = tomllib.loads(text)
        repr(found)  # which recurses as later code does
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # of `int`, whose advice is for programmers
        raise ValueError("it holds a number of too many digits") from None
    return found


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        ValueError: it is no TOML file.
        OSError: it is not there or cannot be read.
    """
    return parse_toml(_decoded(read_file(path)))
