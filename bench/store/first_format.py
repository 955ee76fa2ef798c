"""Runs in the format of version 0.1: how they are told, and how they are brought over."""

import json

from bench.errors import BenchError


class FormatError(BenchError):
    """A run of version 0.1 cannot be brought over."""


def is_first(spec: bytes) -> bool:
    """Return whether a spec.json is of version 0.1: with hashes of sources, without a protocol."""
    try:
        content = json.loads(spec)
        return "protocol" not in content and "source" in content["dataset"] and "source" in content["method"]
    except (ValueError, KeyError, TypeError):
        return False


def upgraded(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of a run of version 0.1 in today's format.

    Args:
        files: spec.json, manifest.json, epochs.csv, curves.csv and record.json, checked; the checksums
            are written anew by who calls.

    Raises:
        FormatError: they cannot be brought over.
    """
    raise FormatError("runs of version 0.1 cannot be brought over yet")
