"""What `bench list` shows of a method, a data set, a recipe, tables and figures."""

import pytest
from harness import PLUGINS, plugin
from typer.testing import CliRunner

from bench.commands.cli import app
from bench.commands.list import WHAT
from bench.commands.list_plugin import arguments, hyperparameters
from bench.errors import PluginError, UsageError
from bench.evaluation.score_names import SCORE_NAMES, SCORE_WORDS
from bench.plugins.hyperparameters import declared
from bench.plugins.registry import Registry
from bench.recipe import RECIPE_WORDS, RELABEL_WORDS, Recipe, Relabel
from bench.report.figure_kinds import KINDS
from bench.report.tables import BY_NAME

# Typer hands a class of its own to callbacks of options.
pytestmark = pytest.mark.usefixtures("unchecked_types")


def shown(*arguments):
    done = CliRunner().invoke(app, ["list", *arguments], catch_exceptions=False, env={"COLUMNS": "80"})
    assert done.exit_code == 0
    return done.output


def test_a_method_is_shown_with_its_paper_and_hyper_parameters():
    said = shown("rul")
    assert "Relative Uncertainty Learning" in said
    assert "NeurIPS 2021" in said
    assert "--set rul.NAME=VALUE" in said
    lines = {line.split()[0]: " ".join(line.split()) for line in said.splitlines() if line.strip()}
    assert lines["mix"].startswith("mix 2 number of mixed features")
    assert lines["dimension"].startswith("dimension 64 D; the paper finds 32 best")  # of a class below it
    assert lines["dropout"].startswith("dropout 0.4")


def test_every_hyper_parameter_of_the_project_has_a_meaning():
    registry = Registry()
    for kind in ("methods", "datasets"):
        for name, each in registry.all(kind).items():
            found = hyperparameters(each)
            assert set(found) == set(declared(each.load()))
            assert [key for key, each in found.items() if not each.meaning] == [], name
            assert [key for key, each in found.items() if " object at 0x" in each.default] == [], name


def test_a_data_set_is_shown_and_a_hyper_parameter_without_default_says_so():
    assert "(required)" in shown("folder")
    assert "It has no hyper-parameters." in shown("digits")
    assert "--set dummy.NAME=VALUE" in shown("dummy", "--plugins", str(PLUGINS))


def test_every_key_of_a_recipe_and_of_relabelling_has_words():
    assert set(RECIPE_WORDS) == set(Recipe.model_fields)
    assert set(RELABEL_WORDS) == set(Relabel.model_fields)
    said = shown("recipe")
    for name, field in Recipe.model_fields.items():
        (line,) = [line for line in said.splitlines() if line.startswith(f"{name} ")]
        assert ("none" if field.default is None else str(field.default)) in line


def test_tables_and_figures_are_listed():
    for section, names in (("tables", BY_NAME), ("figures", KINDS)):
        said = shown(section)
        assert [name for name in names if f"  {name} " not in said] == []


def test_scores_of_every_run_and_those_of_plugins_are_listed():
    said = shown("scores")
    assert [name for name in (*SCORE_NAMES, "knn") if f"  {name} " not in said] == []
    assert set(SCORE_WORDS) == set(SCORE_NAMES)


def test_a_list_of_all_says_what_can_be_listed():
    said = " ".join(shown().split())
    listed = said.removeprefix("bench list WHAT shows one of ").partition(";")[0].split(", ")
    assert sorted(listed) == sorted(WHAT.split(", "))


def test_an_unknown_name_gets_a_guess():
    error = CliRunner().invoke(app, ["list", "rull"]).exception
    assert isinstance(error, UsageError)
    assert str(error).startswith("no section, method or data set to list 'rull'. Did you mean 'rul'?")


def test_a_plugin_that_does_not_parse_is_named_with_its_line(tmp_path):
    plugin(tmp_path, "mine", "class Mine(")
    error = CliRunner().invoke(app, ["list", "mine", "--plugins", str(tmp_path)]).exception
    assert isinstance(error, PluginError)
    assert str(error).endswith("mine.py does not import: SyntaxError: '(' was never closed (mine.py, line 1)")


@pytest.mark.parametrize(
    "docstring", [None, "", "A line.", "A line.\n\n    Raises:\n        ValueError: no.\n    "]
)
def test_a_docstring_without_arguments_tells_none(docstring):
    assert arguments(docstring) == {}
