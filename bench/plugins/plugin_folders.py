"""Folders of plugins that a user names: in the environment variable BENCH_PLUGINS and by option."""

import os
from collections.abc import Iterable
from pathlib import Path

from bench.errors import UsageError
from bench.options import path_of

VARIABLE = "BENCH_PLUGINS"
KINDS = ("methods", "datasets", "backbones", "scores")  # folders that such a folder may hold


def plugin_folders(given: Iterable[Path] = ()) -> list[Path]:
    """Return the folders that BENCH_PLUGINS names, then those given, so that the latter win.

    The variable holds folders joined as those of PATH are; empty places in it mean none.

    Raises:
        UsageError: a folder that the variable names is not there, or holds no plugins.
    """
    named = os.environ.get(VARIABLE, "").split(os.pathsep)
    return [checked(path_of(text.strip(), VARIABLE), VARIABLE) for text in named if text.strip()] + list(given)


def checked(folder: Path, named_by: str) -> Path:
    """Return a folder of plugins as an absolute path without links.

    Args:
        folder: to check.
        named_by: the option or variable that names it, for messages.

    Raises:
        UsageError: it is not there, or holds no folder of plugins.
    """
    there = folder.absolute()
    if not there.is_dir():  # asked before links are followed, which may go round in circles
        raise UsageError(f"{named_by}: there is no folder {there}")
    if not any((there / kind).is_dir() for kind in KINDS):
        raise UsageError(
            f"{named_by}: {there.resolve()} holds no folder methods/, datasets/, backbones/ or scores/"
        )
    return there.resolve()
