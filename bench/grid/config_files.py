"""TOML files: experiments, presets, and what lies beside a data set."""

import tomllib
from pathlib import Path
from typing import Any

from bench.errors import UsageError, unknown
from bench.options import path_of
from bench.plugins.registry import Plugin

PRESETS = Path(__file__).parent / "presets"
EXPERIMENTS = Path(__file__).parent / "experiments"


def load_experiment(name: str) -> dict[str, Any]:
    """Return the content of an experiment's TOML file, given by its name or path.

    Raises:
        UsageError: there is none of that name, or the file is not TOML.
    """
    path = path_of(name, "--experiment") if name.endswith(".toml") else EXPERIMENTS / f"{name}.toml"
    if not path.is_file():
        if name.endswith(".toml"):
            raise UsageError(f"--experiment {name}: there is no such file")
        raise unknown("experiment", name, (path.stem for path in EXPERIMENTS.glob("*.toml")))
    return read_toml(path)


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content.

    Raises:
        UsageError: the file is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
    path = PRESETS / f"{name}.toml"
    if not path.is_file():
        raise unknown("preset", name, (path.stem for path in PRESETS.glob("*.toml")))
    return read_toml(path)
