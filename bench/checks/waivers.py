"""Checks that a plugin declares not to apply to it, each with a reason."""

import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from bench.errors import PluginError, one_line, unknown
from bench.plugins.registry import Plugin


def title(check: Callable[[Any], None]) -> str:
    """Return a check's name as it is shown, such as `learns digits`."""
    return _as_shown(check.__name__)


def waivers_of(plugin: Plugin, checks: Iterable[str], not_waived: Collection[str]) -> dict[str, str]:
    """Return the reasons of a plugin's `waived_checks` by the checks' titles.

    Args:
        plugin: whose class (of a backbone's function, whose file) declares them.
        checks: titles of the plugin's checks.
        not_waived: titles of those that nobody may waive.

    Raises:
        PluginError: they are no dictionary, a name is unknown or must not be waived, or a reason is
            not one line of text.
    """
    declared, known = _declared(plugin), set(checks)
    if not isinstance(declared, Mapping):
        raise PluginError(f"{plugin.path}: waived_checks is {declared!r:.80}, must be a dict of reasons by check")
    found = {_as_shown(str(name)): reason for name, reason in declared.items()}
    for name, reason in found.items():
        if name not in known:
            raise PluginError(f"{plugin.path}: waived_checks: {one_line(unknown('check', name, known))}")
        if name in not_waived:
            raise PluginError(f"{plugin.path}: waived_checks: nobody may waive the check {name!r}")
        if not isinstance(reason, str) or not reason.strip() or "\n" in reason:
            raise PluginError(
                f"{plugin.path}: waived_checks[{name!r}] is {reason!r:.80}, must be a reason, one line"
            )
    return found


def _declared(plugin: Plugin) -> Any:
    loaded = plugin.load()
    of_file = getattr(sys.modules[loaded.__module__], "waived_checks", {})
    return getattr(loaded, "waived_checks", of_file)


def _as_shown(name: str) -> str:
    return name.removeprefix("check_").replace("_", " ")
