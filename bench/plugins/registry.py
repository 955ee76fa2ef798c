"""The plugin registry: where methods and data sets are found, and how one is loaded.

A plugin is a class alone in a file; the file's stem, with `_` written `-`, is its name. Files come from the
project's `methods/` and `datasets/`, from the same folders in each `--plugins DIR`, and from the entry points
`bench.methods` and `bench.datasets` of installed packages. Listing reads the files without importing them.
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Literal

from bench.errors import PluginError, UsageError, one_line, place, unknown
from bench.plugins.importing import import_file
from bench.plugins.source import code_hash
from bench.spec import IN_FLUX

Kind = Literal["methods", "datasets"]
SINGULAR: dict[Kind, str] = {"methods": "method", "datasets": "data set"}


def builtin_folder() -> Path:
    """Return the folder that holds `methods/` and `datasets/`: the package's own in a wheel, else the clone's."""
    package = Path(__file__).parents[1]
    return package if (package / "methods").is_dir() else package.parent


@dataclass(frozen=True)
class Plugin:
    """A plugin that was found, not yet imported."""

    kind: Kind
    name: str
    path: Path
    module: str | None = None  # of an installed package; a file in a folder has none

    @cached_property
    def code(self) -> str:
        """Hash of its code: of its syntax tree, with that of the modules that it imports from its own folder."""
        return code_hash(self.path, self.module)

    @property
    def version(self) -> str:
        """What it declares as `version`, a promise of the same outcome; else `code:` and the hash of its code.

        Raises:
            PluginError: the plugin does not load, or its version is no whole number from 1.
        """
        declared = vars(self.load()).get("version")
        if declared is None:
            return f"{IN_FLUX}{self.code}"
        if type(declared) is not int or declared < 1:
            raise PluginError(f"{self.path}: version is {declared!r}, must be a whole number from 1")
        return str(declared)

    @cached_property
    def summary(self) -> str:
        """First line of the file's docstring."""
        try:
            docstring = ast.get_docstring(ast.parse(self.path.read_bytes())) or "(no description)"
        except (SyntaxError, ValueError) as error:
            return f"(does not parse: {one_line(error)})"
        return docstring.splitlines()[0]

    @property
    def recipe(self) -> Path | None:
        """The TOML file beside a data set's file: its recipe, and what it declares about noise."""
        path = self.path.with_suffix(".toml")
        return path if path.is_file() else None

    def load(self) -> type:
        """Import the file and return its one plugin class.

        Raises:
            PluginError: the file does not import, or defines no or two plugin classes.
        """
        module = self._import()
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
        if not self.path.stem.isidentifier():
            raise PluginError(f"{self.path}: a plugin's file name may hold letters, digits and _ only")
        try:
            return importlib.import_module(self.module) if self.module else import_file(self.path, self.code)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin that exits must not end the grid
            raise PluginError(
                f"{self.path} does not import: {one_line(error)}{place(error, self.path)}"
            ) from error


class Registry:
    """The plugins of the project, of extra folders and of installed packages.

    Args:
        folders: each holds `methods/`, `datasets/` or both; a plugin there replaces a built-in one of its name.

    Raises:
        UsageError: an extra folder is not there, or holds neither.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self.folders = tuple(Path(folder).resolve() for folder in folders)
        for folder in self.folders:
            if not folder.is_dir():
                raise UsageError(f"--plugins: there is no folder {folder}")
            if not any((folder / kind).is_dir() for kind in SINGULAR):
                raise UsageError(f"--plugins: {folder} holds neither a folder methods/ nor datasets/")
        self._found: dict[Kind, dict[str, Plugin]] = {}

    def all(self, kind: Kind) -> dict[str, Plugin]:
        """Return the plugins of a kind by name, sorted."""
        if kind not in self._found:
            plugins = _entry_points(kind)
            for folder in (builtin_folder(), *self.folders):
                plugins |= _in_folder(kind, folder / kind)
            self._found[kind] = dict(sorted(plugins.items()))
        return self._found[kind]

    def files(self) -> dict[str, bytes]:
        """Return every file of the plugin folders by its path there, such as `methods/rul.py`."""
        folders = (builtin_folder(), *self.folders)
        paths = [(folder, path) for folder in folders for kind in SINGULAR for path in (folder / kind).rglob("*")]
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for folder, path in paths
            if path.suffix in (".py", ".toml")
        }

    def find(self, kind: Kind, name: str) -> Plugin:
        """Return a plugin by name.

        Raises:
            UsageError: there is none of that name.
        """
        plugins = self.all(kind)
        if name not in plugins:
            raise unknown(SINGULAR[kind], name, plugins)
        return plugins[name]


def _base_class(kind: Kind) -> type:
    if kind == "methods":
        from bench.plugins.method import Method

        return Method
    from bench.data.dataset import Source

    return Source


def plugin_name(stem: str) -> str:
    """Return the name of the plugin in a file, of which a user may also write the stem."""
    return stem.replace("_", "-")


def _in_folder(kind: Kind, folder: Path) -> dict[str, Plugin]:
    paths = [path for path in folder.glob("*.py") if not path.stem.startswith("_")]
    return {name: Plugin(kind, name, path) for path in paths for name in [plugin_name(path.stem)]}


def _entry_points(kind: Kind) -> dict[str, Plugin]:
    """Return the plugins of installed packages; an entry point `my-idea = "package.module"` names a module.

    One whose module is not there is left out with a warning, so that a broken package costs only itself.
    """
    plugins = {}
    for entry in importlib.metadata.entry_points(group=f"bench.{kind}"):
        if origin := _origin(entry.module):
            name = plugin_name(entry.name)
            plugins[name] = Plugin(kind, name, origin, entry.module)
        else:
            warnings.warn(f"plugin {entry.name} is left out: its module {entry.module} is not there", stacklevel=2)
    return plugins


def _origin(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except ImportError:
        return None
    return Path(spec.origin) if spec and spec.origin else None
