"""What `bench list NAME` shows of one method or data set: its source, and its hyper-parameters."""

import ast
import inspect
import re
from pathlib import Path
from typing import NamedTuple

from bench.plugins.hyperparameters import declared
from bench.plugins.registry import Plugin

ENTRY = re.compile(r"(\w+(?:, \w+)*): (.*)")


class Described(NamedTuple):
    """A hyper-parameter: its default as text, and what it means."""

    default: str
    meaning: str


def paragraphs(path: Path) -> list[str]:
    """Return the paragraphs of a plugin file's docstring, each as one line."""
    said = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    blocks = re.split(r"\n\n|\n(?=(?:Source|Departures|Note):)", said)
    return [" ".join(block.split()) for block in blocks]


def hyperparameters(plugin: Plugin) -> dict[str, Described]:
    """Return a plugin's hyper-parameters by name, with their meanings from its docstrings.

    Raises:
        PluginError: the plugin does not import.
    """
    cls = plugin.load()
    meanings: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        for documented in (each, vars(each).get("__init__")):
            meanings |= arguments(vars(documented).get("__doc__") if isinstance(documented, type) else
                                  getattr(documented, "__doc__", None))  # fmt: skip
    return {name: Described(_default(p), meanings.get(name, "")) for name, p in declared(cls).items()}


def arguments(docstring: str | None) -> dict[str, str]:
    """Return the meanings in the section `Args:` of a docstring, by name.

    >>> arguments("Do it.\\n\\n    Args:\\n        a, b: of the\\n            thing.\\n    ")
    {'a': 'of the thing.', 'b': 'of the thing.'}
    """
    _, _, section = inspect.cleandoc(docstring or "").partition("Args:\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.partition("\n\n")[0].splitlines():
        if entry := ENTRY.fullmatch(line.strip()) if _depth(line) == 4 else None:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _default(parameter: inspect.Parameter) -> str:
    return "(required)" if parameter.default is parameter.empty else str(parameter.default)
