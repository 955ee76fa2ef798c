"""The errors a user sees: one line each that says what was wrong, what was seen and what would be right."""

import difflib
import textwrap
import traceback
from collections.abc import Iterable
from pathlib import Path


class BenchError(Exception):
    """Something the user can mend; its message is one line, fit to be shown without a traceback."""


class UsageError(BenchError):
    """What was asked for cannot be run at all: an unknown name, a value of the wrong type."""


class DataError(BenchError):
    """A data set's files are missing or damaged, or its plugin returned something unusable."""


class PluginError(BenchError):
    """A plugin does not import, defines no or two plugins, or broke the interface while it ran."""


class Declined(BenchError):  # noqa: N818 - not an error: nothing has failed
    """A method gave a reason not to run a setting; its cell stays empty and nothing has failed."""


def unknown(kind: str, name: str, available: Iterable[str]) -> UsageError:
    """Return the error for an unknown name, with the nearest known one and what there are, cut at 400 characters.

    >>> print(unknown("method", "rull", ["dul", "rul"]))
    no method 'rull'. Did you mean 'rul'? Available: dul, rul
    """
    names = sorted(available)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    listed = textwrap.shorten(", ".join(names) or "none", 400, placeholder=f" … ({len(names)} in all)")
    return UsageError(f"no {kind} '{name}'.{hint} Available: {listed}")


def one_line(error: BaseException) -> str:
    """Return an exception as a single line: its type, unless it is ours, and the first line it says."""
    said = " ".join(str(error).split())
    if isinstance(error, BenchError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def place(error: BaseException, path: Path) -> str:
    """Return ` (my_idea.py:31)`, the last line of a file through which an exception came; nothing if none."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == str(path)]
    return f" ({path.name}:{lines[-1]})" if lines else ""
