"""Runs of version 0.1, whose specifications have neither protocol nor versions, in today's form."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.errors import BenchError, one_line
from bench.files.reading import parse_json
from bench.spec import IN_FLUX, RunSpec
from bench.store.file_sources import json_bytes
from bench.validation import validated

TABLE = Path(__file__).with_name("first_format.toml")
ORACLE = "†"  # stood in the label of a method that is told the true noise rate
LOCATED_BY = {"folder": ("path",)}  # by data set: options that say where its files lie
METRICS = "3f564a37c5e9"  # hash of the code whose metrics are those of version 1
UNKNOWN = 0  # protocol of code that is not known, which no new run has


class FormatError(BenchError):
    """A run of version 0.1 cannot be brought over."""


def is_first(spec: bytes) -> bool:
    """Return whether a spec.json is of version 0.1: no protocol, hashes of plugins' files."""
    try:
        content = parse_json(spec)
        return "protocol" not in content and "source" in content["dataset"] and "source" in content["method"]
    except (ValueError, KeyError, TypeError):
        return False


def upgraded(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a run of version 0.1 as today's code would have written them.

    Labels, log and predictions stay as they are, and so does the hash of the outcome. The commit
    tells the protocol, the hashes of plugins' files tell their versions; runs of code that is not
    known get a protocol or version of their own, and so stand in rows of their own.

    Args:
        files: spec.json, record.json and others, checked; whoever calls writes the checksums anew.

    Raises:
        FormatError: they are not the files of a run.
    """
    try:
        record = parse_json(files["record.json"])
        content = _specification(parse_json(files["spec.json"]), record["environment"]["commit"])
        spec = validated(RunSpec, content, "key of spec.json")
        metrics_version = int(record.pop("metrics_source") == METRICS)
    except (BenchError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"it is no run of version 0.1: {one_line(error)}") from None
    record |= {"identity": spec.identity, "metrics_version": metrics_version}
    return dict(files) | {
        "spec.json": json_bytes(spec.model_dump(mode="json")),
        "record.json": json_bytes(record),
    }


def _specification(old: dict[str, Any], commit: str | None) -> dict[str, Any]:
    """Return a specification with protocol and versions; no commit: the code was installed."""
    located_by = LOCATED_BY.get(old["dataset"]["name"], ())
    location = {key: old["dataset"]["hyperparameters"].pop(key) for key in located_by}
    return old | {
        "dataset": _choice(old["dataset"]) | {"location": location},
        "method": _choice(old["method"]),
        "protocol": _protocols().get(commit, UNKNOWN) if commit else max(_protocols().values()),
        "label": old["label"].replace(ORACLE, ""),
        "oracle": ORACLE in old["label"],
    }


def _choice(old: dict[str, Any]) -> dict[str, Any]:
    """Return a plugin with versions in place of the hashes of its file and of methods inside it."""
    parts = old.pop("source").split("+")
    return old | {"version": "+".join(_versions().get(part, f"{IN_FLUX}{part}") for part in parts)}


@cache
def _protocols() -> dict[str, int]:
    """Return the protocol of each commit that is known."""
    return {commit: int(key) for key, commits in _table()["protocols"].items() for commit in commits}


@cache
def _versions() -> dict[str, str]:
    """Return the version of each hash of a plugin's file that is known."""
    return {source: key for key, sources in _table()["versions"].items() for source in sources}


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
