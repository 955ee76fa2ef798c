"""The options of commands, made from the models that validate them."""

import inspect

import pytest
import typer
from typer.testing import CliRunner

from bench.commands.cli import app
from bench.commands.command_options import typed_for, with_options
from bench.commands.run import run
from bench.execution.machines import Machines
from bench.grid.pictures import Pictures
from bench.grid.request import Request
from bench.grid.search_space import Search
from bench.options import option, options_of
from bench.recipe import Frozen


class Wanted(Frozen):
    """A model with two options and a field that is none."""

    size: int = option(3, "How large.", "Sizes", "N")
    extra: dict[str, int] = option({}, "More.", "Sizes", "KEY=VALUE", unset="nothing")
    quiet: bool = True


@pytest.fixture
def heard():
    """What a command with the options of a model was called with, and a function to call it."""
    said = []

    @with_options(Wanted)
    def command(loud: bool = False, **typed):
        said.append((loud, typed))

    program = typer.Typer()
    program.command()(command)
    return said, lambda *arguments: CliRunner().invoke(program, arguments)


def test_a_command_gets_the_text_that_was_typed_and_none_for_the_rest(heard):
    said, call = heard
    assert call("--size", "large", "--extra", "a=1", "--extra", "b=2", "--loud").exit_code == 0
    assert call().exit_code == 0
    assert said == [
        (True, {"size": "large", "extra": ["a=1", "b=2"]}),
        (False, {"size": None, "extra": None}),
    ]


def test_the_help_shows_what_the_model_says(heard):
    shown = " ".join(heard[1]("--help").output.split())
    assert "--size N How large. [default: 3]" in shown
    assert "--extra KEY=VALUE More. [default: nothing]" in shown
    assert "quiet" not in shown


def test_a_model_gets_its_own_of_the_options_typed():
    assert typed_for(Wanted, {"size": "2", "extra": None, "other": "1"}) == {"size": "2"}


@pytest.mark.parametrize("model", [Request, Machines, Pictures])
def test_every_field_of_the_models_is_an_option_of_run_with_its_default_in_the_help(model):
    options = options_of(model)
    assert set(options) == set(model.model_fields) - {"pictures", "recipes"}  # tables of a file
    assert set(options) <= set(inspect.signature(run).parameters)
    for name, shown in options.items():
        assert shown.help.endswith("."), name
        default = model.model_fields[name].get_default()
        if default is not None and default not in ({}, []):
            text = ",".join(map(str, default)) if isinstance(default, list) else str(default)
            assert shown.default == text


def test_no_option_is_declared_twice():
    names = [name for model in (Request, Machines, Pictures, Search) for name in options_of(model)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "command", ["run", "tune", "report", "compare", "status", "merge", "pack", "check", "new", "list", "import"]
)
def test_the_help_of_a_command_has_examples(command):
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "80"}).output
    assert "Examples:" in shown
    assert f"\n   bench {command}" in shown
    assert max(map(len, shown.splitlines())) <= 80
