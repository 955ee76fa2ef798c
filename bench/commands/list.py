"""`bench list`: what there is to choose from, found without importing a plugin or torch."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from bench.commands.command_options import Plugins
from bench.errors import unknown
from bench.escaping import printable
from bench.files.visible import visible_files
from bench.plugins.registry import SINGULAR, Kind, Plugin, Registry, plugin_name

Rows = dict[str, str]
GRID = Path(__file__).parents[1] / "grid"
KEYS = ("recipe", "relabel")
WHAT = (
    "methods, datasets, backbones, scores, noise, metrics, predictions, recipe, relabel, tables, "
    "figures, presets, experiments, trackers"
)


def list_(
    what: Annotated[
        str | None,
        typer.Argument(
            help=f"{WHAT}; or the name of a method or data set, or networks of a library, such as "
            "'timm:resnet*'. All but recipe and relabel if not given."
        ),
    ] = None,
    plugins: Plugins = None,
) -> None:
    """List what there is: methods, data sets, noise, metrics, …, or the hyper-parameters of one.

    \b
    Examples:
      bench list
      bench list rul
      bench list recipe
      bench list methods --plugins ~/ideas
      bench list 'timm:resnet*'
    """
    show(what, plugins or [])


def show(what: str | None, plugins: Iterable[Path]) -> None:
    """Print one section, all, one plugin, or the networks of a library that fit a pattern.

    Raises:
        UsageError: there is no such section, plugin or network, or the library is not installed.
    """
    if what is not None and ":" in what:
        _print_networks(what)
        return
    registry = Registry(plugins)
    sections = _sections(registry)
    if what in KEYS:
        _print_keys(what)
    elif what in sections:
        _print(what, sections[what]())
    elif what is not None:
        _show_plugin(what, registry, sections)
    else:
        listed = ", ".join([*sections, *KEYS])
        _print_line(f"bench list WHAT shows one of {listed}; bench list NAME a method or data set.")
        for name, rows in sections.items():
            _print(name, rows())


def _sections(registry: Registry) -> dict[str, Callable[[], Rows]]:
    return {
        "methods": lambda: _plugins(registry, "methods"),
        "datasets": lambda: _plugins(registry, "datasets") | _dataset_options(),
        "backbones": lambda: _backbones(registry),
        "scores": lambda: _scores() | _plugins(registry, "scores"),
        "noise": _noise,
        "metrics": _metrics,
        "predictions": _predictions,
        "tables": _tables,
        "figures": _figures,
        "presets": lambda: _described(GRID / "presets"),
        "experiments": lambda: _described(GRID / "experiments"),
        "trackers": _trackers,
    }


def _show_plugin(what: str, registry: Registry, sections: Iterable[str]) -> None:
    found = [plugins[name] for kind in SINGULAR for plugins in [registry.all(kind)]
             for name in [plugin_name(what)] if name in plugins]  # fmt: skip
    if not found:
        raise unknown("section, method or data set to list", what, [*sections, *KEYS, *_names(registry)])
    for plugin in found:
        _print_plugin(plugin)


def _print_plugin(plugin: Plugin) -> None:
    """Print a plugin's docstring and its hyper-parameters.

    Raises:
        PluginError: the plugin does not import.
    """
    from bench.commands.list_plugin import hyperparameters, paragraphs

    rows = [(name, each.default, each.meaning) for name, each in hyperparameters(plugin).items()]
    for text in paragraphs(plugin.path):
        _print_line(text)
    if rows:
        _print_settings(f"Hyper-parameters, set by --set {plugin.name}.NAME=VALUE", rows)
    else:
        _print_line("It has no hyper-parameters.")


def _print_keys(section: str) -> None:
    """Print each key of a recipe, or of relabelling, with its default and what it is for."""
    from bench.recipe import RECIPE_WORDS, RELABEL_WORDS, Recipe, Relabel

    model, words = (Recipe, RECIPE_WORDS) if section == "recipe" else (Relabel, RELABEL_WORDS)
    defaults = {name: field.default for name, field in model.model_fields.items()}
    rows = [(name, "none" if value is None else str(value), words[name]) for name, value in defaults.items()]
    own = "; data sets and presets have their own" if section == "recipe" else ""
    _print_settings(f"{section.capitalize()}: keys, set by --set {section}.KEY=VALUE{own}", rows)


def _print_settings(title: str, rows: list[tuple[str, str, str]]) -> None:
    from bench.commands.console import console
    from bench.commands.terminal import show_table
    from bench.report.columns import Texts
    from bench.report.table import Row, Table

    columns = [Texts("name"), Texts("default"), Texts("meaning")]
    show_table(console, Table("settings", title, columns, [Row(row) for row in rows]))


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
    table.add_column(no_wrap=True)
    table.add_column()
    for key, line in rows.items():
        table.add_row(Text(printable(key)), Text(printable(line)))
    console.print(table)


def _print_line(text: str) -> None:
    from rich.text import Text

    from bench.commands.console import console

    console.print(Text(printable(text)))


def _names(registry: Registry) -> list[str]:
    return [name for kind in SINGULAR for name in registry.all(kind)]


def _plugins(registry: Registry, kind: Kind) -> Rows:
    return {name: plugin.summary for name, plugin in registry.all(kind).items()}


def _dataset_options() -> Rows:
    from bench.plugins.dataset_options import WORDS

    return WORDS


def _backbones(registry: Registry) -> Rows:
    from bench.nets.backbone_names import DESCRIBED

    return DESCRIBED | _plugins(registry, "backbones") | DESCRIBED


def _predictions() -> Rows:
    from bench.evaluation.array_names import OUTSIDE_ARRAYS

    return OUTSIDE_ARRAYS


def _noise() -> Rows:
    from bench.data.label_noise import NOISE_KINDS

    return {name: _first_line(kind.corrupt.__doc__) for name, kind in NOISE_KINDS.items()}


def _scores() -> Rows:
    from bench.evaluation.score_names import SCORE_WORDS

    return {name: f"of every run: {words}" for name, words in SCORE_WORDS.items()}


def _metrics() -> Rows:
    from bench.evaluation.metrics import WORDS

    return WORDS


def _tables() -> Rows:
    from bench.report.tables import words

    return words()


def _figures() -> Rows:
    from bench.report.figure_kinds import KINDS

    return {name: kind.words for name, kind in KINDS.items()}


def _trackers() -> Rows:
    from bench.tracking.names import TRACKERS

    return {name: kind.words for name, kind in TRACKERS.items()}


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
