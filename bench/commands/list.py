"""`bench list`: what there is to choose from, found without importing a plugin or torch."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from bench.commands.command_options import Plugins
from bench.errors import unknown
from bench.escaping import printable
from bench.files.visible import visible_files
from bench.plugins.registry import Kind, Registry

Rows = dict[str, str]
GRID = Path(__file__).parents[1] / "grid"


def list_(
    what: Annotated[
        str | None,
        typer.Argument(
            help="methods, datasets, backbones, noise, metrics, arrays, presets or experiments; all if not "
            "given. Or networks of a library, such as 'timm:resnet*'."
        ),
    ] = None,
    plugins: Plugins = None,
) -> None:
    """List methods, data sets, backbones, noise kinds, metrics and so on, with a line on each.

    \b
    Examples:
      bench list
      bench list methods --plugins ~/ideas
      bench list 'timm:resnet*'
    """
    show(what, plugins or [])


def show(what: str | None, plugins: Iterable[Path]) -> None:
    """Print one section, or all, or the networks of a library that fit a pattern.

    Raises:
        UsageError: there is no such section, no such network, or the library is not installed.
    """
    if what is not None and ":" in what:
        _print_networks(what)
        return
    from bench.data.label_noise import NOISE_KINDS
    from bench.evaluation.array_names import OUTSIDE_ARRAYS
    from bench.evaluation.metrics import WORDS
    from bench.nets.backbone_names import DESCRIBED
    from bench.plugins.dataset_options import WORDS as OF_DATASETS

    registry = Registry(plugins)
    sections: dict[str, Callable[[], Rows]] = {
        "methods": lambda: _plugins(registry, "methods"),
        "datasets": lambda: _plugins(registry, "datasets") | OF_DATASETS,
        "backbones": lambda: DESCRIBED | _plugins(registry, "backbones") | DESCRIBED,
        "noise": lambda: {name: _first_line(kind.corrupt.__doc__) for name, kind in NOISE_KINDS.items()},
        "metrics": lambda: WORDS,
        "arrays": lambda: OUTSIDE_ARRAYS,
        "presets": lambda: _described(GRID / "presets"),
        "experiments": lambda: _described(GRID / "experiments"),
    }
    if what is not None and what not in sections:
        raise unknown("section to list", what, sections)
    for name, rows in sections.items():
        if what in (None, name):
            _print(name, rows())


def _print_networks(what: str) -> None:
    """Print the names of a library's networks, one a line."""
    from bench.nets.backbones import networks

    for name in networks(what):
        print(printable(name))


def _print(name: str, rows: Rows) -> None:
    from rich.table import Table
    from rich.text import Text

    from bench.commands.console import console

    console.print(f"[bold]{name}[/bold]")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for key, line in rows.items():
        table.add_row(Text(printable(key)), Text(printable(line)))
    console.print(table)


def _plugins(registry: Registry, kind: Kind) -> Rows:
    return {name: plugin.summary for name, plugin in registry.all(kind).items()}


def _described(folder: Path) -> Rows:
    """Return each TOML file's name and the comment it opens with."""
    return {path.stem: _opening(path) for path in visible_files(folder, "*.toml")}


def _opening(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").partition("\n")[0].lstrip("# ").rstrip()
    except OSError as error:
        return f"(cannot be read: {error.strerror})"


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().splitlines()[0]
