"""`--set NAME.KEY=VALUE` and `--slurm KEY=VALUE`."""

import pytest

from bench.commands.assignments import read_pairs, read_settings
from bench.errors import UsageError


def test_settings_are_tables_by_name_and_values_are_toml_or_text():
    given = ["rul.mix=[2, 3]", "rul.name=a=b", "recipe.nesterov=false", "tent.inner.mix=C(3,2)", "rul.rate=1e-3"]
    assert read_settings(given) == {
        "rul": {"mix": [2, 3], "name": "a=b", "rate": 0.001},
        "recipe": {"nesterov": False},
        "tent": {"inner.mix": "C(3,2)"},
    }


def test_pairs_are_one_table():
    assert read_pairs(["timeout_min=600", "slurm_partition=gpu"]) == {
        "timeout_min": 600,
        "slurm_partition": "gpu",
    }


@pytest.mark.parametrize("assignment", ["rul.mix", "rulmix=3", ".mix=3", "rul.=3", "", "="])
def test_a_setting_of_another_form_is_named(assignment):
    with pytest.raises(UsageError, match="must look like NAME.KEY=VALUE") as error:
        read_settings([assignment])
    assert str(error.value).startswith(f"--set {assignment}: ")


def test_a_setting_that_is_given_twice_is_named():
    with pytest.raises(UsageError, match="^--set rul.mix is given twice$"):
        read_settings(["rul.mix=2", "rul.mix=3"])


@pytest.mark.parametrize("assignment", ["timeout_min", "=600"])
def test_a_pair_of_another_form_is_named(assignment):
    with pytest.raises(UsageError, match=f"^--slurm {assignment}: must look like KEY=VALUE"):
        read_pairs([assignment])


@pytest.mark.parametrize(("value", "end"), [("[2,3", "]"), ("{low = 1", "}")])
def test_a_list_or_table_that_is_not_closed_is_named(value, end):
    with pytest.raises(UsageError) as error:
        read_settings([f"rul.mix={value}"])
    assert str(error.value) == f"--set rul.mix={value}: what begins with {value[0]} must end with {end}"


def test_a_text_in_brackets_is_a_text():
    assert read_settings(["rul.mood=[/x]"]) == {"rul": {"mood": "[/x]"}}
