"""The code of a plugin that declares no version: the part of it that can change what it computes."""

import ast
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Folder(NamedTuple):
    """Where modules count as a plugin's own.

    A file's is the folder it lies in, where `import helper` finds `helper.py`. An installed
    plugin's is that of its package, where `import package.helper` does.
    """

    path: Path
    package: str = ""

    @classmethod
    def of(cls, path: Path, module: str | None) -> "Folder":
        """Return the folder of a plugin's file, which an installed package has as a module."""
        if module is None:
            return cls(path.parent)
        is_package = path.name == "__init__.py"
        return cls(path.parents[module.count(".") - 1 + is_package], module.partition(".")[0])

    def find(self, name: str, base: Path | None = None) -> Path | None:
        """Return the file or folder of a dotted name, which may start from a base; None if there is none."""
        if base is None:
            first = name.partition(".")[0]
            if first in sys.stdlib_module_names or (self.package and first != self.package):
                return None
            base, name = self.path, name.removeprefix(self.package).lstrip(".")
        stem = base.joinpath(*name.split("."))
        files = (stem.with_suffix(".py"), stem / "__init__.py")
        found = next((file for file in files if file.is_file()), stem if any(stem.glob("*.py")) else None)
        return found if found and found.is_relative_to(self.path) else None


def code_hash(path: Path, module: str | None = None) -> str:
    """Return a hash of a plugin's syntax tree and of those of the files it imports from its own folder.

    Docstrings, comments and layout do not count.

    Raises:
        SyntaxError, ValueError: a file does not parse.
    """
    folder = Folder.of(path, module)
    trees: dict[str, ast.Module] = {}
    waiting = [path]
    while waiting:
        current = waiting.pop()
        name = current.relative_to(folder.path).as_posix()
        if name not in trees:
            trees[name] = ast.parse(current.read_bytes())
            waiting += _imported(trees[name], current, folder)
    content = "".join(f"{name}\n{_text(tree)}\n" for name, tree in sorted(trees.items()))
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _imported(tree: ast.Module, path: Path, folder: Folder) -> Iterator[Path]:
    """Yield the plugin's own files that a module of it imports."""
    for node in ast.walk(tree):
        for name, base in _names(node, path):
            parts = name.split(".")
            beginnings = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
            found = (folder.find(beginning, base) for beginning in beginnings)
            yield from (path for path in found if path and path.is_file())


def _names(node: ast.AST, path: Path) -> Iterator[tuple[str, Path | None]]:
    """Yield the dotted names that a statement imports, and the folder that a relative one starts from."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = path.parents[node.level - 1] if node.level else None
        start = f"{node.module}." if node.module else ""
        yield from ((f"{start}{alias.name}", base) for alias in node.names)


def _text(node: object) -> str:
    """Return a syntax tree as text that is the same in every version of Python, docstrings left out."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        parts = (f"{name}={_text(_undocumented(node, name, value))}" for name, value in fields)
        return f"{type(node).__name__}({', '.join(parts)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_text, node))}]"
    return repr(node)


def _undocumented(node: ast.AST, name: str, value: object) -> object:
    """Return a field of a node; of a body, all that follows its docstring."""
    if name != "body" or not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return value
    return node.body if ast.get_docstring(node) is None else node.body[1:]
