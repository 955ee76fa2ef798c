"""Options of commands: those made from the fields of models, and those that commands share."""

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_origin

import typer
from pydantic import BaseModel

from bench.options import Shown, options_of, path_of
from bench.plugins.plugin_folders import plugin_folders

PLACES = "Where things are"
Command = TypeVar("Command", bound=Callable[..., None])


def _expanded(path: Path | None, option: typer.CallbackParam) -> Path | None:
    """Return a path with ~ replaced, which a shell leaves alone in `--results=~/runs`."""
    return None if path is None else path_of(path, option.opts[0])


def _all_folders(paths: list[Path] | None, option: typer.CallbackParam) -> list[Path]:
    """Return the folders of plugins that BENCH_PLUGINS names, then those of the option."""
    return plugin_folders(path_of(path, option.opts[0]) for path in paths or [])


Results = Annotated[
    Path,
    typer.Option(help="Folder of the runs and the report.", callback=_expanded, rich_help_panel=PLACES),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        help="A folder with methods/, datasets/, backbones/ or scores/ of your own; may be repeated. "
        "BENCH_PLUGINS names such, too.",
        callback=_all_folders,
        rich_help_panel=PLACES,
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the data sets; else BENCH_DATA, else data.", callback=_expanded, rich_help_panel=PLACES
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="File to write; its ending says the format.", callback=_expanded, metavar="FILE"
    ),
]
RESULTS = Path("results")  # the default of `Results`


def with_options(*models: type[BaseModel]) -> Callable[[Command], Command]:
    """Give a command the options that models declare on their fields, before those of its own.

    The command takes them as `**typed`: the text that was typed, a list of texts for an option that
    may be repeated, None for one that was not given.
    """

    def extended(command: Command) -> Command:
        own = [each for each in signature(command).parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
        made = [_parameter(model, name, shown) for model in models for name, shown in options_of(model).items()]
        parameters = [*made, *(each.replace(kind=Parameter.KEYWORD_ONLY) for each in own)]
        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return command

    return extended


def _parameter(model: type[BaseModel], name: str, shown: Shown) -> Parameter:
    is_table = get_origin(model.model_fields[name].annotation) is dict
    about = typer.Option(
        help=f"{shown.help} [dim]\\[default: {shown.default}][/dim]",
        metavar=shown.metavar,
        rich_help_panel=shown.panel,
        show_default=False,
    )
    text: Any = list[str] | None if is_table else str | None
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[text, about])


def typed_for(model: type[BaseModel], typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options typed that are a model's, without those that were not given."""
    return {name: typed[name] for name in options_of(model) if typed.get(name) is not None}
