"""`bench check`: hold a plugin to the conformance suite."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.commands.assignments import read_settings
from bench.commands.command_options import DataRoot, Plugins
from bench.errors import UsageError
from bench.plugins.registry import Plugin, Registry, plugin_name

Target = Annotated[str, typer.Argument(help="A plugin's file, or the name of a method or data set.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME.KEY=VALUE", help="A hyper-parameter of the plugin. May be repeated."),
]


def check(target: Target, set_: Settings = None, data_root: DataRoot = None, plugins: Plugins = None) -> None:
    """Check that a method or data set does what it must; show a line for each check.

    The exit status is 1 if one fails.

    \b
    Examples:
      bench check rul --set rul.mix=5
      bench check my_idea.py
      bench check my-data --plugins ~/ideas --data-root ~/data
    """
    import torch

    from bench.checks.suite import find_plugin
    from bench.commands.console import FAILED

    torch.set_num_threads(1)
    plugin = find_plugin(target, Registry(plugins or []))
    counts = _show_checks(plugin, _settings_of(plugin, set_ or []), data_root)
    raise typer.Exit(FAILED if counts["fail"] else 0)


def _settings_of(plugin: Plugin, assignments: list[str]) -> dict[str, Any] | None:
    given = {plugin_name(name): values for name, values in read_settings(assignments).items()}
    for name in given:
        if name != plugin.name:
            raise UsageError(f"--set {name}.…: must be of the plugin that is checked, {plugin.name}")
    return given.get(plugin.name)


def _show_checks(plugin: Plugin, settings: dict[str, Any] | None, data_root: Path | None) -> Counter[str]:
    """Run the checks, show a line for each and one on all, and return the counts by result."""
    from bench.checks.suite import run_checks
    from bench.commands.console import say

    counts: Counter[str] = Counter()
    for result in run_checks(plugin, settings, data_root):
        counts[result.status] += 1
        reason = f": {result.reason}" if result.reason else ""
        say(f"{result.status}  {result.check}{reason}")
    noted = f" ({counts['note']} with a note)" if counts["note"] else ""
    passed = counts["pass"] + counts["note"]
    said = f"{passed} passed{noted}, {counts['fail']} failed, {counts['skip']} skipped"
    say(f"{plugin.name}: {said}")
    return counts
