"""Import of a plugin's file as a module of a package of its own.

Thus helpers of two plugins may have the same name, and an edited plugin is imported again.
"""

import builtins
import hashlib
import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.plugins.source import Folder

PREFIX = "bench_plugin_"


def import_file(path: Path, code: str) -> ModuleType:
    """Import a plugin's file.

    Args:
        path: of the file; its helpers are in the same folder.
        code: hash of the code of the file and its helpers.
    """
    # `code` leaves out docstrings, but a changed docstring needs a new module too.
    text = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    package = f"{PREFIX}{code}_{text}"
    if package not in sys.modules:
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = [str(path.parent)]
    return import_module(f"{package}.{path.stem}", path)


def import_module(name: str, path: Path) -> ModuleType:
    """Import a plugin's module, in a fence at the first time.

    Args:
        name: of the module.
        path: of its file.
    """
    if name in sys.modules:
        return sys.modules[name]
    from bench.plugins.fence import fenced  # imports torch, as every plugin does

    with fenced(path):
        return importlib.import_module(name)


class PluginFinder(MetaPathFinder):
    """Import finder of the modules in plugins' packages."""

    def find_spec(
        self, fullname: str, path: Iterable[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the import spec of a module in a plugin's package; None for all others."""
        package, _, name = fullname.partition(".")
        if not (fullname.startswith(PREFIX) and name):
            return None
        folder = Path(sys.modules[package].__path__[0])
        found = Folder(folder).find(name, base=folder)
        if found is None:
            return None
        if found.is_dir():
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(found)]
            return spec
        return spec_from_file_location(fullname, found, loader=PluginLoader(fullname, str(found)))


class PluginLoader(SourceFileLoader):
    """Loader of a plugin's file, in which `import helper` finds `helper.py` in its folder."""

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Raise OSError, so that no bytecode is cached.

        A cached file would be used if an edit has the same second and size.
        """
        raise OSError

    def exec_module(self, module: ModuleType) -> None:
        """Execute the file with an import function that looks in the plugin's folder first."""
        vars(module)["__builtins__"] = vars(builtins) | {"__import__": self._import}
        super().exec_module(module)

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        package = self.name.partition(".")[0]
        first = name.partition(".")[0]
        if level or not Folder(Path(sys.modules[package].__path__[0])).find(first):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = builtins.__import__(f"{package}.{name}", globals, locals, fromlist or (), 0)
        return module if fromlist else sys.modules[f"{package}.{first}"]


sys.meta_path.insert(0, PluginFinder())  # else the finder of files would import without `_import`
