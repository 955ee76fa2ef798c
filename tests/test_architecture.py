"""The architecture, held by its imports: a module imports only from layers below its own."""

import ast
from pathlib import Path

import pytest

import bench

PACKAGE = Path(bench.__file__).parent
LAYERS = [
    {
        "__init__",
        "errors",
        "files",
        "dropout",
        "airbench",
        "executors.dedicated",
        "data_root",
        "predictions",
        "metrics_source",
    },
    {
        "method",
        "pretrained",
        "scores",
        "registry",
        "hyperparameters",
        "noise",
        "metrics",
        "geometry",
        "stats",
        "generators",
        "significance",
        "robustness",
        "bootstrap",
        "directions",
    },
    {"ahead", "claims", "folders", "ranks", "factory", "averaging"},
    {"under_way"},
    {"images"},
    {"embedding", "wrapper", "backbones", "augment", "decoded"},
    {"relative", "classifier", "spec"},
    {"request", "data", "relabel"},
    {"idx", "predict", "environment", "declared", "checksums", "columns", "index"},
    {"train", "evaluation", "grid"},
    {"record"},
    {"store", "checkpoint"},
    {"runner", "transfer", "status"},
    {"groups", "formats", "samples", "executors", "executors.cell"},
    {"executors.messenger", "executors.pool"},
    {"executors.local", "executors.parcel"},
    {"executors.processes", "executors.ray", "executors.slurm"},
    {"executors.machines"},
    {"tables.entries", "figures.style"},
    {"contrasts", "tables.best"},
    {
        "tables.table1",
        "tables.ranking",
        "tables.samples",
        "tables.training",
        "tables.epochs",
        "tables.costs",
        "tables.robustness",
        "tables.comparison",
    },
    {
        "figures.rejection",
        "figures.training",
        "figures.confusion",
        "figures.ablation",
        "figures.images",
        "figures.features",
        "figures.ranks",
    },
    {"tables", "figures", "figures.files"},
    {"terminal"},
    {"report"},
    {"comparison"},
    {"api", "estimate", "listing", "scaffold", "checks.verdict"},
    {"checks.bed"},
    {"checks.contract", "checks.trained", "checks.datasets"},
    {"checks.kit"},
    {"checks"},
    {"stored"},
    {"display"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
RANK = {module: rank for rank, layer in enumerate(LAYERS) for module in layer}
# Imported where it is used, so that the lower layer does not depend on it at import.
BASES = {("registry", "method"), ("registry", "data"), ("__init__", "api")}


def modules() -> list[str]:
    paths = [path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py")]
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)


def imported(module: str) -> set[str]:
    path = PACKAGE.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "bench":
            rest = node.module.removeprefix("bench").lstrip(".")
            names |= {rest} if rest else {alias.name for alias in node.names}
    return {name for name in names if name in RANK}


def test_every_module_has_a_layer():
    assert set(modules()) == set(RANK)


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_only_from_lower_layers(module):
    upward = {name for name in imported(module) if RANK[name] >= RANK[module]}
    assert {(module, name) for name in upward} <= BASES


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
