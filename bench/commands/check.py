"""`bench check`: hold a plugin to the conformance suite."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.commands.assignments import read_settings
from bench.commands.command_options import DataRoot, Plugins
from bench.errors import UsageError
from bench.plugins.registry import Registry, plugin_name

if TYPE_CHECKING:
    from bench.checks.suite import Result, Subject

Target = Annotated[
    str, typer.Argument(help="A plugin's file, or the name of a method, data set, backbone, score.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME.KEY=VALUE",
        help="A hyper-parameter of the plugin, or recipe.backbone. May be repeated.",
    ),
]


def check(target: Target, set_: Settings = None, data_root: DataRoot = None, plugins: Plugins = None) -> None:
    """Check that a method, data set, backbone or score does what it must, a line for each check.

    The exit status is 1 if one fails.

    \b
    Examples:
      bench check rul --set rul.mix=5
      bench check my_idea.py
      bench check my-data --plugins ~/ideas --data-root ~/data
      bench check timm:resnet26d
      bench check ddu --set recipe.backbone=resnet18
    """
    import torch

    from bench.checks.suite import find_plugin, run_checks
    from bench.commands.console import FAILED

    torch.set_num_threads(1)
    registry = Registry(plugins or [])
    plugin = find_plugin(target, registry)
    given = _settings_of(plugin, set_ or [])
    recipe = given.pop("recipe", None)
    results = run_checks(plugin, given.get(plugin.name), data_root, recipe, registry if plugins else None)
    counts = _show_checks(plugin.name, results)
    raise typer.Exit(FAILED if counts["fail"] else 0)


def _settings_of(plugin: "Subject", assignments: list[str]) -> dict[str, Any]:
    """Return what was set, by `recipe` (of a method) and the plugin's name."""
    given = {plugin_name(name): values for name, values in read_settings(assignments).items()}
    for name in given:
        if name != plugin.name and (name != "recipe" or plugin.kind != "methods"):
            raise UsageError(f"--set {name}.…: must be of the plugin that is checked, {plugin.name}")
    return given


def _show_checks(name: str, results: "Iterable[Result]") -> Counter[str]:
    """Run the checks, show a line for each and one on all, and return the counts by result."""
    from bench.commands.console import say

    counts: Counter[str] = Counter()
    for result in results:
        counts[result.status] += 1
        reason = f": {result.reason}" if result.reason else ""
        say(f"{result.status}  {result.check}{reason}")
    noted = f" ({counts['note']} with a note)" if counts["note"] else ""
    passed = counts["pass"] + counts["note"]
    waived = f", {counts['waived']} waived" if counts["waived"] else ""
    said = f"{passed} passed{noted}, {counts['fail']} failed, {counts['skip']} skipped{waived}"
    say(f"{name}: {said}")
    return counts
