"""The architecture beside its layers, which import-linter holds: names and imports."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import bench

PACKAGE = Path(bench.__file__).parent


def modules() -> list[str]:
    paths = [path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py")]
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def test_no_two_files_share_a_name():
    """A file's name says what is in it, and so is found by it."""
    names = Counter(path.name for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
    assert [name for name, count in names.items() if count > 1] == []


def test_no_room_hides_a_function_of_the_package():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert not rooms & set(bench.__all__)


def plugin_files() -> list[Path]:
    root = PACKAGE.parent
    folders = ["methods", "datasets", "examples/plugin-package/bench_example", "bench/commands/templates"]
    paths = [path for folder in folders for path in sorted((root / folder).glob("*.*"))]
    return [path for path in paths if path.suffix in (".py", ".txt") and not path.stem.startswith("test_")]


@pytest.mark.parametrize("path", plugin_files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_plugin_imports_from_the_harness_by_one_line(path):
    lines = [line for line in path.read_text().splitlines() if re.match(r"\s*(from|import) bench\b", line)]
    assert {line.split(" import ")[0] for line in lines} <= {"from bench.api"}
    assert len(lines) <= 1


def plugin_names() -> set[str]:
    root = PACKAGE.parent
    return {path.stem.replace("_", "-") for path in (root / "methods").glob("*.py")}


@pytest.mark.parametrize("module", modules())
def test_the_harness_names_no_method(module):
    path = PACKAGE.joinpath(*module.split("."))
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None
    }
    literals = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    }
    assert not literals & plugin_names()
