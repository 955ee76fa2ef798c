"""Where the runs of a results folder hold the source of a plugin that is not registered here."""

from collections.abc import Iterator

from bench.errors import BenchError, UnknownPluginError
from bench.store.file_sources import SOURCES, RunFiles
from bench.store.plugin_sources import read_sources
from bench.store.store import Store

FOLDERS = {"methods": -3, "datasets": -4}  # places of the names in the path of a run's folder
LOOKED_AT = 20  # runs at most


def where_source_lies(store: Store, error: UnknownPluginError) -> str:
    """Return words on where the source of an unknown plugin lies; empty if it lies in no run.

    Args:
        store: of the runs.
        error: names the plugin.
    """
    try:
        for run in _runs_with_source(store, error.kind, error.name):
            names = (name for name in read_sources(run) if _is_of(name, error.name))
            if name := next(names, None):
                return (
                    f". A run here was made with it, and holds its source as text ({name} in {SOURCES} of {run}): "
                    f"once you have read it, save it to a folder and pass that as --plugins"
                )
    except (BenchError, OSError, ValueError):
        return ""
    return ""


def _runs_with_source(store: Store, kind: str, name: str) -> Iterator[RunFiles]:
    if not store.exists():
        return
    looked_at = 0
    for run in store.runs():
        parts = run.path.parts
        if len(parts) >= 4 and (kind not in FOLDERS or parts[FOLDERS[kind]] == name) and SOURCES in run.names():
            yield run
            looked_at += 1
            if looked_at == LOOKED_AT:
                return


def _is_of(place: str, name: str) -> bool:
    """Return whether a file's place has the stem of a plugin's name."""
    return place.rpartition("/")[2] == f"{name.replace('-', '_')}.py"
