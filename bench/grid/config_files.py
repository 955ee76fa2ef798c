"""TOML files: experiments, presets, and what lies beside a data set."""

from pathlib import Path
from typing import Any

from bench.errors import UsageError, unknown
from bench.files import reading
from bench.files.visible import visible_files
from bench.options import path_of
from bench.plugins.registry import Plugin

PRESETS = Path(__file__).parent / "presets"
EXPERIMENTS = Path(__file__).parent / "experiments"


def load_experiment(name: str) -> dict[str, Any]:
    """Return the content of an experiment's TOML file, given by its name or path.

    Raises:
        UsageError: there is none of that name, or the file is not TOML.
    """
    if not name.endswith(".toml"):
        return _named("experiment", EXPERIMENTS, name)
    path = path_of(name, "--experiment")
    if not path.is_file():
        raise UsageError(f"--experiment {name}: there is no such file")
    return read_toml(path)


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content.

    Raises:
        UsageError: the file is not TOML.
    """
    try:
        return reading.read_toml(path)
    except ValueError as error:
        raise UsageError(f"{path} is not TOML: {error}") from None


def own_recipe(dataset: Plugin) -> dict[str, Any]:
    """Return the recipe in the TOML file beside a data set."""
    return {key: value for key, value in own_toml(dataset).items() if key != "noise"}


def own_toml(dataset: Plugin) -> dict[str, Any]:
    """Return what the TOML file beside a data set holds: its recipe, and a table `noise`."""
    return read_toml(dataset.recipe) if dataset.recipe else {}


def load_preset(name: str) -> dict[str, Any]:
    """Return a preset's changes to the recipe.

    Raises:
        UsageError: there is none of that name.
    """
    return _named("preset", PRESETS, name)


def _named(kind: str, folder: Path, name: str) -> dict[str, Any]:
    paths = {path.stem: path for path in visible_files(folder, "*.toml")}
    if name not in paths:
        raise unknown(kind, name, paths)
    return read_toml(paths[name])
