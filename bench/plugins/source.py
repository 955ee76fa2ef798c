"""The files of a plugin's code, and their hash for plugins that declare no version."""

import ast
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.files.visible import visible_files


class Folder(NamedTuple):
    """The folder whose modules count as part of a plugin.

    For a plugin file it is the file's folder, where `import helper` finds `helper.py`. For an
    installed plugin it is the folder of its top-level package.
    """

    path: Path
    package: str = ""

    @classmethod
    def of(cls, path: Path, module: str | None) -> "Folder":
        """Return the folder of a plugin's file.

        Args:
            path: of the file.
            module: its module name in an installed package, else None.
        """
        if module is None:
            return cls(path.parent)
        is_package = path.name == "__init__.py"
        return cls(path.parents[module.count(".") - 1 + is_package], module.partition(".")[0])

    def find(self, name: str, base: Path | None = None) -> Path | None:
        """Return the file or folder of a dotted module name, or None if the folder has none.

        Args:
            name: of the module.
            base: folder that a relative import starts from; None for an absolute import.
        """
        if base is None:
            first = name.partition(".")[0]
            if first in sys.stdlib_module_names or (self.package and first != self.package):
                return None
            base, name = self.path, name.removeprefix(self.package).lstrip(".")
        stem = base.joinpath(*name.split("."))
        files = (stem.with_suffix(".py"), stem / "__init__.py")
        found = next((file for file in files if file.is_file()), stem if visible_files(stem, "*.py") else None)
        return found if found and found.is_relative_to(self.path) else None


def code_hash(path: Path, module: str | None = None) -> str:
    """Return a hash of the syntax trees of a plugin and of the files it imports from its folder.

    Docstrings, comments and layout do not count.

    Args:
        path: of the plugin's file.
        module: its module name in an installed package, else None.

    Raises:
        SyntaxError, ValueError: a file cannot be parsed.
    """
    trees = {name: tree for name, (_, tree) in _parsed(path, module).items()}
    content = "".join(f"{name}\n{_text(tree)}\n" for name, tree in sorted(trees.items()))
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def source_files(path: Path, module: str | None = None) -> dict[str, Path]:
    """Return a plugin's file and those that it imports from its folder, by their paths there.

    Args:
        path: of the plugin's file.
        module: its module name in an installed package, else None.

    Raises:
        SyntaxError, ValueError: a file cannot be parsed.
    """
    return {name: file for name, (file, _) in sorted(_parsed(path, module).items())}


def _parsed(path: Path, module: str | None) -> dict[str, tuple[Path, ast.Module]]:
    """Return the files that `code_hash` counts, with their syntax trees."""
    folder = Folder.of(path, module)
    found: dict[str, tuple[Path, ast.Module]] = {}
    waiting = [path]
    while waiting:
        current = waiting.pop()
        name = current.relative_to(folder.path).as_posix()
        if name not in found:
            found[name] = current, ast.parse(current.read_bytes(), current.name)
            waiting += _imported(found[name][1], current, folder)
    return found


def _imported(tree: ast.Module, path: Path, folder: Folder) -> Iterator[Path]:
    """Yield the files of the plugin's folder that a module imports."""
    for node in ast.walk(tree):
        for name, base in _names(node, path):
            parts = name.split(".")
            beginnings = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
            found = (folder.find(beginning, base) for beginning in beginnings)
            yield from (path for path in found if path and path.is_file())


def _names(node: ast.AST, path: Path) -> Iterator[tuple[str, Path | None]]:
    """Yield the dotted names that a statement imports, each with the folder it is relative to.

    The folder is None for an absolute import.
    """
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = path.parents[node.level - 1] if node.level else None
        start = f"{node.module}." if node.module else ""
        yield from ((f"{start}{alias.name}", base) for alias in node.names)


def _text(node: object) -> str:
    """Return a syntax tree without docstrings as text, the same in every version of Python."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        parts = (f"{name}={_text(_undocumented(node, name, value))}" for name, value in fields)
        return f"{type(node).__name__}({', '.join(parts)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_text, node))}]"
    return repr(node)


def _undocumented(node: ast.AST, name: str, value: object) -> object:
    """Return a field of a node; for a body, the statements after its docstring."""
    if name != "body" or not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return value
    return node.body if ast.get_docstring(node) is None else node.body[1:]
