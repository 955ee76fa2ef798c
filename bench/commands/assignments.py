"""Reads the assignments of `--set NAME.KEY=VALUE` and `--slurm KEY=VALUE`."""

import tomllib
from collections.abc import Iterable
from typing import Any

from bench.errors import UsageError
from bench.files.reading import parse_toml
from bench.options import refuse_empty

CLOSING = {"[": "]", "{": "}"}


def read_settings(assignments: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return `NAME.KEY=VALUE` assignments as a table for each name; what is not TOML is text.

    >>> read_settings(["rul.mix=[2,3]", "tent.inner.mood=calm"])
    {'rul': {'mix': [2, 3]}, 'tent': {'inner.mood': 'calm'}}

    Raises:
        UsageError: one has another form or an empty value, or a key is set twice.
    """
    settings: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        name, dot, key = path.partition(".")
        if not (equals and dot and name and key):
            raise UsageError(f"--set {assignment}: must look like NAME.KEY=VALUE, such as rul.mix=3")
        if key in settings.get(name, {}):
            raise UsageError(f"--set {path} is given twice")
        refuse_empty(text, f"--set {path}")
        settings.setdefault(name, {})[key] = _value(text, f"--set {assignment}")
    return settings


def read_pairs(assignments: Iterable[str]) -> dict[str, Any]:
    """Return `KEY=VALUE` assignments as a table; a value that is not TOML is text.

    Raises:
        UsageError: one has another form, or an empty value.
    """
    pairs = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not (equals and key):
            raise UsageError(f"--slurm {assignment}: must look like KEY=VALUE, such as timeout_min=600")
        refuse_empty(text, f"--slurm {key}")
        pairs[key] = _value(text, f"--slurm {assignment}")
    return pairs


def _value(text: str, assignment: str) -> Any:
    try:
        return parse_toml(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        end = CLOSING.get(text[0])
        if end and not text.endswith(end):
            raise UsageError(f"{assignment}: what begins with {text[0]} must end with {end}") from None
        return text
    except ValueError as error:
        raise UsageError(f"a value of --set or --slurm: {error}") from None
