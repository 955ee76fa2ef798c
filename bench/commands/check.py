"""`bench check`: hold a plugin to the conformance suite."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from bench.checks.suite import find_plugin, run_checks
from bench.commands.console import FAILED, console
from bench.errors import UsageError
from bench.plugins.registry import Registry, plugin_name


def check(
    target: str, plugins: Iterable[Path], data_root: Path | None, settings: dict[str, dict[str, Any]]
) -> int:
    """Run the conformance kit on a plugin, show a line for each check, and return the exit status.

    Raises:
        UsageError: there is no such plugin, or a setting is for another, or does not fit.
        PluginError: it does not load.
    """
    torch.set_num_threads(1)
    plugin = find_plugin(target, Registry(plugins))
    given = {plugin_name(name): values for name, values in settings.items()}
    for name in given:
        if name != plugin.name:
            raise UsageError(f"--set {name}.…: must be of the plugin that is checked, {plugin.name}")
    counts: Counter[str] = Counter()
    for result in run_checks(plugin, given.get(plugin.name), data_root):
        counts[result.status] += 1
        reason = f": {result.reason}" if result.reason else ""
        console.print(f"{result.status}  {result.check}{reason}", soft_wrap=True, markup=False)
    noted = f" ({counts['note']} with a note)" if counts["note"] else ""
    passed = counts["pass"] + counts["note"]
    said = f"{passed} passed{noted}, {counts['fail']} failed, {counts['skip']} skipped"
    console.print(f"{plugin.name}: {said}", soft_wrap=True, markup=False)
    return FAILED if counts["fail"] else 0
