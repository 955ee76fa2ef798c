"""Registry of plugins: methods, data sets and backbones in folders and installed packages.

A plugin is a class alone in a file, a backbone a class or function; its name is the file's stem,
with `_` written `-`. Plugins are looked for in the project's `methods/` and `datasets/`, in the
same folders, `backbones/` and `scores/` of each `--plugins DIR`, and in the entry points
`bench.methods`, `bench.datasets`, `bench.backbones` and `bench.scores` of installed packages.
Listing does not import them.
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Literal

from bench.errors import Note, PluginError, UnknownPluginError, UsageError, one_line, place, unknown
from bench.escaping import NAME, NAME_WORDS
from bench.evaluation.score_names import RESERVED
from bench.files.visible import is_visible, visible_files
from bench.plugins.importing import import_file, import_module
from bench.plugins.plugin_folders import checked
from bench.plugins.source import code_hash
from bench.spec import IN_FLUX

Kind = Literal["methods", "datasets", "backbones", "scores"]
SINGULAR: dict[Kind, str] = {
    "methods": "method",
    "datasets": "data set",
    "backbones": "backbone",
    "scores": "score",
}


def builtin_folder() -> Path:
    """Return the folder that holds `methods/` and `datasets/`.

    This is the package itself when installed from a wheel, else the root of the clone.
    """
    package = Path(__file__).parents[1]
    return package if (package / "methods").is_dir() else package.parent


def _builtin(kind: Kind) -> Path:
    """Return the folder of the built-in plugins of a kind; scores lie in the package."""
    return Path(__file__).parents[1] / kind if kind == "scores" else builtin_folder() / kind


@dataclass(frozen=True)
class Plugin:
    """A plugin's kind, name and file; it is imported when loaded.

    Args:
        kind: `methods`, `datasets`, `backbones` or `scores`.
        name: of the plugin.
        path: of its file.
        module: of an installed package; None for a file in a folder.
    """

    kind: Kind
    name: str
    path: Path
    module: str | None = None

    @cached_property
    def code(self) -> str:
        """Hash of its syntax tree and of the files that it imports from its own folder."""
        return code_hash(self.path, self.module)

    @property
    def version(self) -> str:
        """The declared `version`, or `code:` and the hash of the code if none is declared.

        Raises:
            PluginError: the plugin does not load, or its version is not a whole number from 1.
        """
        declared = self._declared_version
        if declared is None:
            return f"{IN_FLUX}{self.code}"
        if type(declared) is not int or declared < 1:
            raise PluginError(f"{self.path}: version is {declared!r}, must be a whole number from 1")
        return str(declared)

    @property
    def _declared_version(self) -> Any:
        """The class attribute `version`; a backbone's file may declare it, too, for a function."""
        found = self.load()
        declared = vars(found).get("version")
        if declared is None and self.kind == "backbones":
            return getattr(sys.modules[found.__module__], "version", None)
        return declared

    @cached_property
    def summary(self) -> str:
        """First line of the file's docstring."""
        try:
            docstring = (ast.get_docstring(ast.parse(self.path.read_bytes())) or "").strip()
        except OSError as error:
            return f"(cannot be read: {error.strerror})"
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return f"(does not parse: {one_line(error)})"
        first, *_ = docstring.splitlines() or ["(no description)"]
        return first.encode(errors="replace").decode()

    @property
    def recipe(self) -> Path | None:
        """The TOML file beside a data set's file, with its recipe and its noise settings."""
        path = self.path.with_suffix(".toml")
        return path if path.is_file() else None

    def load(self) -> Any:
        """Import the file and return its only plugin class, or what makes its backbone.

        Raises:
            PluginError: the file cannot be imported, or does not define exactly one plugin.
        """
        module = self._import()
        return self._maker(module) if self.kind == "backbones" else self._class(module)

    def _maker(self, module: ModuleType) -> Any:
        """Return the function or class that makes a net: of the file's name, else the only one."""
        makers = {
            name: value
            for name, value in vars(module).items()
            if not name.startswith("_")
            and isinstance(value, type | FunctionType)
            and value.__module__ == module.__name__
        }
        stem = self.path.stem
        named = [value for name, value in makers.items() if name.lower() == stem.replace("_", "").lower()]
        found = [makers[stem]] if stem in makers else named or list(makers.values())
        if len(found) != 1:
            raise PluginError(
                f"{self.path}: a backbone's file defines one function or class, this one defines "
                f"{len(makers)} ({', '.join(makers) or 'none'}); give one the file's name, or begin others' with _"
            )
        return found[0]

    def _class(self, module: ModuleType) -> type:
        base = _base_class(self.kind)
        values = vars(module).values()
        classes = [v for v in values if isinstance(v, type) and v.__module__ == module.__name__]
        found = [cls for cls in classes if issubclass(cls, base)]
        if len(found) != 1:
            names = " and ".join(c.__name__ for c in found) or ", ".join(f"{c.__name__} is none" for c in classes)
            raise PluginError(
                f"{self.path}: a plugin file defines one subclass of bench.api.{base.__name__}, "
                f"this one defines {len(found)} ({names or 'none'}); the name of a helper's file begins with _"
            )
        return found[0]

    def _import(self) -> ModuleType:
        if not re.fullmatch(NAME, self.name):
            raise PluginError(f"{self.path}: the plugin's name {self.name!r} must be {NAME_WORDS}")
        if not self.path.stem.isidentifier():
            raise PluginError(f"{self.path}: a plugin's file name may hold letters, digits and _ only")
        try:
            return import_module(self.module, self.path) if self.module else import_file(self.path, self.code)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin that calls exit must not end the grid
            raise PluginError(
                f"{self.path} does not import: {one_line(error)}{place(error, self.path)}"
            ) from error


def is_taken(score: Plugin) -> bool:
    """Return whether a score has the name of a built-in one, or of one that every run has."""
    built_in = _builtin("scores")
    known = () if score.path.is_relative_to(built_in) else _in_folder("scores", built_in)
    return score.name in (*RESERVED_SCORES, *known)


class Registry:
    """The plugins of the project, of additional folders and of installed packages.

    Args:
        folders: each holds one or more of `methods/`, `datasets/`, `backbones/` and `scores/`; a
            method or data set there replaces a built-in one of the same name.

    Raises:
        UsageError: a folder does not exist, or holds none of these.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self.folders = tuple(checked(Path(folder), "--plugins") for folder in folders)
        self._found: dict[Kind, dict[str, Plugin]] = {}

    def all(self, kind: Kind) -> dict[str, Plugin]:
        """Return the plugins of a kind by name, sorted."""
        if kind not in self._found:
            plugins = _entry_points(kind)
            for place in (_builtin(kind), *(folder / kind for folder in self.folders)):
                plugins |= _in_folder(kind, place)
            self._found[kind] = dict(sorted(plugins.items()))
        return self._found[kind]

    def files(self) -> dict[str, bytes]:
        """Return the content of each plugin and recipe file by path, such as `methods/rul.py`.

        Raises:
            PluginError: a file cannot be read.
        """
        folders = (builtin_folder(), *self.folders)
        places = [(folder, folder / kind) for folder in folders for kind in SINGULAR]
        return {
            path.relative_to(folder).as_posix(): _content(path)
            for folder, place in places
            for path in visible_files(place, "**/*")
            if path.suffix in (".py", ".toml") and all(map(is_visible, path.relative_to(place).parents[:-1]))
        }

    def find(self, kind: Kind, name: str) -> Plugin:
        """Return a plugin by name.

        Raises:
            UsageError: no plugin has this name, or what has it is no regular file.
        """
        plugins = self.all(kind)
        if name in plugins:
            return plugins[name]
        for folder in (builtin_folder(), *self.folders):
            path = folder / kind / f"{name.replace('-', '_')}.py"
            if os.path.lexists(path):
                what = "is a folder, a link to nothing or a pipe" if is_visible(path) else f"must be {NAME_WORDS}"
                raise UsageError(f"no {SINGULAR[kind]} '{name}': {path} {what}")
        raise UnknownPluginError(str(unknown(SINGULAR[kind], name, plugins)), kind, name)


def registry_around(plugin: Plugin) -> Registry:
    """Return a registry that finds a plugin and those beside it, in its package or its folder."""
    known = Registry()
    is_known = known.all(plugin.kind).get(plugin.name) == plugin
    return known if is_known else Registry([plugin.path.parents[1]])


def _base_class(kind: Kind) -> type:
    if kind == "methods":
        from bench.plugins.method import Method

        return Method
    if kind == "scores":
        from bench.plugins.score import Score

        return Score
    from bench.data.dataset import Source

    return Source


def plugin_name(stem: str) -> str:
    """Return the name of the plugin in a file, from the stem (or the name itself)."""
    return stem.replace("_", "-")


RESERVED_SCORES = tuple(map(plugin_name, RESERVED))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}") from None


def _in_folder(kind: Kind, folder: Path) -> dict[str, Plugin]:
    paths = [path for path in visible_files(folder, "*.py") if not path.stem.startswith("_")]
    return {name: Plugin(kind, name, path) for path in paths for name in [plugin_name(path.stem)]}


def _entry_points(kind: Kind) -> dict[str, Plugin]:
    """Return the plugins of installed packages.

    An entry point such as `my-idea = "package.module"` names a module. One whose module is missing
    is skipped with a warning, so that a broken package affects only itself.
    """
    plugins = {}
    for entry in importlib.metadata.entry_points(group=f"bench.{kind}"):
        if origin := _origin(entry.module):
            name = plugin_name(entry.name)
            plugins[name] = Plugin(kind, name, origin, entry.module)
        else:
            said = f"plugin {entry.name} is left out: its module {entry.module} is not there"
            warnings.warn(said, Note, stacklevel=2)
    return plugins


def _origin(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except KeyboardInterrupt:
        raise
    except BaseException:  # finding a module imports its package, which may do anything
        return None
    return Path(spec.origin) if spec and spec.origin else None
