"""Runs of version 0.1, whose specifications have neither protocol nor versions, in today's form."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.files import checksums
from bench.spec import IN_FLUX, RunSpec, validated

TABLE = Path(__file__).with_name("first_format.toml")
ORACLE = "†"  # stood in the label of a method that is told the true noise rate
LOCATION = {"folder": ("path",)}  # by data set: options that say where its files lie
METRICS = "3f564a37c5e9"  # hash of the code whose metrics are those of version 1
UNKNOWN = 0  # protocol of code that is not known


def is_first_format(spec: Mapping[str, Any]) -> bool:
    """Return whether the content of a `spec.json` is of version 0.1."""
    return "protocol" not in spec and isinstance(spec.get("dataset"), dict) and "source" in spec["dataset"]


def upgraded(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a run of version 0.1 as today's code would have written them.

    Labels, log and predictions stay as they are, and so does the hash of the outcome. What a run was made with is
    told by its commit and by the hashes of its plugins' files; code that is not known is of no present protocol or
    version, so that its runs stand in rows of their own.

    Raises:
        KeyError, TypeError, ValueError: the files are not those of a run.
        UsageError: the specification is not one.
    """
    record = json.loads(files["record.json"])
    content = _specification(json.loads(files["spec.json"]), record["environment"]["commit"])
    spec = validated(RunSpec, content, "key of spec.json")
    record["identity"] = spec.identity
    record["metrics_version"] = int(record.pop("metrics_source") == METRICS)
    changed = {"spec.json": json_text(spec.model_dump(mode="json")), "record.json": json_text(record)}
    digests = checksums.parse(files[checksums.NAME]) | {
        name: hashlib.sha256(text).hexdigest() for name, text in changed.items()
    }
    return dict(files) | changed | {checksums.NAME: checksums.lines(digests)}


def _specification(old: dict[str, Any], commit: str | None) -> dict[str, Any]:
    location = {
        key: old["dataset"]["hyperparameters"].pop(key) for key in LOCATION.get(old["dataset"]["name"], ())
    }
    return old | {
        "dataset": _choice(old["dataset"]) | {"location": location},
        "method": _choice(old["method"]),
        "protocol": _protocols().get(commit, UNKNOWN) if commit else max(_protocols().values()),
        "label": old["label"].replace(ORACLE, ""),
        "oracle": ORACLE in old["label"],
    }


def _choice(old: dict[str, Any]) -> dict[str, Any]:
    """Return a plugin with versions in place of the hashes of its file and of those of methods inside it."""
    source = old.pop("source")
    return old | {"version": "+".join(_versions().get(part, f"{IN_FLUX}{part}") for part in source.split("+"))}


@cache
def _protocols() -> dict[str, int]:
    return {commit: int(protocol) for protocol, commits in _table()["protocols"].items() for commit in commits}


@cache
def _versions() -> dict[str, str]:
    return {source: version for version, sources in _table()["versions"].items() for source in sources}


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
