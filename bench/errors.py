"""Errors shown to users: one line each with what was wrong, what was seen and what is right."""

import difflib
import pickle
import textwrap
import traceback
from collections.abc import Iterable
from pathlib import Path

from bench.escaping import printable


class BenchError(Exception):
    """An error that the user can fix; its message is one line, shown without a traceback."""

    def __str__(self) -> str:
        """Return the message as one printable line, whatever names are in it."""
        return printable(" ".join(super().__str__().splitlines()))


class UsageError(BenchError):
    """The request is invalid: an unknown name, or a value of the wrong type or range."""


class UnknownPluginError(UsageError):
    """No plugin has this name.

    Args:
        message: the line for the user.
        kind: of plugin, `methods` or `datasets`.
        name: that was asked for.
    """

    def __init__(self, message: str, kind: str, name: str) -> None:
        super().__init__(message)
        self.kind, self.name = kind, name


class DataError(BenchError):
    """A data set's files are missing or damaged, or its plugin returned unusable data."""


class PluginError(BenchError):
    """A plugin cannot be imported, does not define exactly one plugin, or broke the interface."""


class Note(UserWarning):
    """A remark for the user that stops nothing; the command line shows it as one line."""


class Declined(BenchError):  # noqa: N818 - not an error: nothing has failed
    """A method declined a setting and gave a reason; its cell stays empty. No failure."""


def unknown(kind: str, name: str, available: Iterable[str]) -> UsageError:
    """Return the error for an unknown name, with the nearest known name.

    The list of available names is cut at 400 characters.

    >>> print(unknown("method", "rull", ["dul", "rul"]))
    no method 'rull'. Did you mean 'rul'? Available: dul, rul
    """
    names = sorted(available)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    listed = textwrap.shorten(", ".join(names) or "none", 400, placeholder=f" … ({len(names)} in all)")
    return UsageError(f"no {kind} '{name}'.{hint} Available: {listed}")


# Libraries advise to switch these protections off, which would run whatever code a file holds.
PROTECTIONS = ("weights_only", "allow_pickle", "safe_globals", "trust_remote_code", "allow_unsafe", "trust_repo")

NOT_LOADED = "a file is damaged, or holds more than plain data, which is not loaded as it could run code"


def _advises_to_run_code(error: BaseException) -> bool:
    said = str(error)
    return isinstance(error, pickle.UnpicklingError) or any(name in said for name in PROTECTIONS)


def one_line(error: BaseException) -> str:
    """Return an exception as a single line.

    The line is the message of a `BenchError`, and the type and message of any other exception.
    A library's advice to load a file in a way that runs code in it is not passed on.
    """
    said = printable(" ".join(str(error).split()))
    if isinstance(error, BenchError):
        return said
    if _advises_to_run_code(error):
        said = NOT_LOADED
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def trace(error: BaseException) -> str:
    """Return the traceback of an exception and of its causes, without advice as in `one_line`."""
    text = "".join(traceback.format_exception(error))
    each: BaseException | None = error
    while each is not None:
        if _advises_to_run_code(each) and str(each):
            text = text.replace(str(each), NOT_LOADED)
        each = each.__cause__ or each.__context__
    return text


def brief(value: object) -> str:
    """Return a value as Python writes it, cut at 80 characters.

    >>> brief("a" * 100)[-3:]
    'aa…'
    """
    try:
        written = repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of too many digits"
    return written if len(written) <= 80 else f"{written[:79]}…"


def place(error: BaseException, path: Path) -> str:
    """Return where in a file an exception was raised, as ` (my_idea.py:31)`; empty if elsewhere."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == str(path)]
    return f" ({path.name}:{lines[-1]})" if lines else ""
