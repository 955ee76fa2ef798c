"""Values of settings: what is another type is refused in one line, two spellings are one run."""

import json
from typing import Any, Literal

import numpy as np
import pytest
from harness import grid, spec
from pydantic import PositiveInt

from bench.commands.assignments import read_settings
from bench.errors import UsageError
from bench.execution.machines import Machines
from bench.grid.noise_axis import Declared
from bench.plugins.hyperparameters import resolve
from bench.recipe import CropAndFlip, Lookahead, Ramp, Recipe, Relabel, StepDecay
from bench.spec import Noise, RunSpec
from bench.validation import validated

WHOLE = {
    Recipe: ["epochs", "batch_size", "first_bias_epochs", "cutout", "relabel_from", "train_limit"],
    StepDecay: ["first_epoch", "every"],
    Lookahead: ["every"],
    CropAndFlip: ["padding"],
    Noise: ["seed"],
    RunSpec: ["seed", "protocol"],
}
REAL = {
    Recipe: [
        "learning_rate",
        "classifier_learning_rate",
        "momentum",
        "weight_decay",
        "bias_rate_factor",
        "dropout",
    ],
    StepDecay: ["factor"],
    Ramp: ["start", "rise", "end"],
    Lookahead: ["decay"],
    Relabel: ["fraction", "margin"],
    Noise: ["rate"],
    RunSpec: ["held_out"],
}
FLAGS = {Recipe: ["nesterov", "mirrored_views"]}
GOOD = {
    Recipe: {},
    StepDecay: {"factor": 0.5, "first_epoch": 2, "every": 1},
    Ramp: {},
    Lookahead: {"every": 5, "decay": 0.5},
    Relabel: {},
    CropAndFlip: {"padding": 2, "flip": "none"},
    Noise: {"kind": "pair", "rate": 0.5, "seed": 0},
    RunSpec: spec().model_dump(),
}
NO_NUMBER = [True, False, "1", "0.5", "1e-3", "", "nan", [1], (1,), {"a": 1}, 1j, b"1", object()]
NOT_WHOLE = [1.0, 0.5, -0.0, float("nan"), float("inf"), 1e300, -1, 2**63, 10**5000, np.float64(1)]
NOT_REAL = [float("nan"), float("inf"), -float("inf"), -1, -1e-9, 10**400]


def fields(of):
    return [(model, name) for model, names in of.items() for name in names]


def refused(model, name, value):
    with pytest.raises(UsageError) as raised:
        validated(model, GOOD[model] | {name: value}, "key of recipe")
    said = str(raised.value)
    assert said.startswith(f"{name}: ")
    assert "\n" not in said
    assert len(said) < 300


@pytest.mark.parametrize(("model", "name"), fields(WHOLE))
@pytest.mark.parametrize("value", [*NO_NUMBER, *NOT_WHOLE], ids=lambda value: type(value).__name__)
def test_what_is_no_whole_number_is_refused(model, name, value):
    if name == "seed" and isinstance(value, int) and value == 2**63:
        value = 2**128
    refused(model, name, value)


@pytest.mark.parametrize(("model", "name"), fields(REAL))
@pytest.mark.parametrize("value", [*NO_NUMBER, *NOT_REAL], ids=lambda value: type(value).__name__)
def test_what_is_no_finite_number_is_refused(model, name, value):
    refused(model, name, value)


@pytest.mark.parametrize(("model", "name"), fields(FLAGS))
@pytest.mark.parametrize("value", [1, 0, 1.0, "true", "yes", 1j, [True]], ids=repr)
def test_what_is_neither_true_nor_false_is_refused(model, name, value):
    refused(model, name, value)


@pytest.mark.parametrize("pair", [[True, 7], [2.0, 7], ["2", 7], [-1, 7], [2, None]])
def test_confusions_are_whole_numbers(pair):
    with pytest.raises(UsageError):
        validated(Declared, {"confusions": [pair]}, "key of noise")
    assert validated(Declared, {"confusions": [[2, 7]]}, "key of noise").confusions == ((2, 7),)


def test_a_whole_number_is_a_float_and_minus_zero_is_zero():
    made = validated(Recipe, {"learning_rate": 1, "weight_decay": -0.0, "momentum": 0}, "key of recipe")
    assert json.dumps([made.learning_rate, made.weight_decay, made.momentum]) == "[1.0, 0.0, 0.0]"
    assert validated(Machines, {"max_minutes": "0.5"}, "option").max_minutes == 0.5


class Plugin:
    """A hyper-parameter of each kind; some defaults are spelled otherwise than their annotation."""

    def __init__(
        self,
        *,
        real: float = 3,
        plain: float = 0.5,
        whole: PositiveInt = 5,
        both: int | float = 2,
        other: float | int = 0.5,
        word: float | Literal["auto"] = "auto",
        choice: Literal[1, 2, "C(3,2)"] = 1,
        maybe: float | None = None,
        many: list[float] = [1, 2.5],  # noqa: B006
        flag: bool = False,
        bare=1.0,
        anything: Any = None,
    ) -> None: ...


def written(name, value):
    return json.dumps(resolve("plugin", Plugin, {name: value})[name])


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("real", [3, 3.0, 30e-1]),
        ("real", [4, 4.0]),
        ("real", [0, 0.0, -0.0]),
        ("plain", [1, 1.0, 1e0]),
        ("plain", [0.3, 0.30, 3e-1]),
        ("both", [2, 2.0]),
        ("both", [7, 7.0]),
        ("both", [0, 0.0, -0.0]),
        ("other", [7, 7.0]),
        ("word", [7, 7.0]),
        ("maybe", [1, 1.0]),
        ("many", [[1, 2.5], [1.0, 2.5]]),
        ("many", [[0, 1], [-0.0, 1.0]]),
        ("bare", [1, 1.0]),
        ("bare", [2, 2.0]),
        ("anything", [2, 2.0]),
    ],
)
def test_two_spellings_of_a_number_are_one_value(name, spellings):
    assert len({written(name, value) for value in spellings}) == 1


@pytest.mark.parametrize("name", ["real", "plain", "whole", "both", "other", "choice", "many", "flag", "bare"])
def test_naming_the_default_changes_nothing(name):
    default = resolve("plugin", Plugin, {})[name]
    assert written(name, default) == json.dumps(default)


def test_values_that_differ_stay_apart():
    assert len({written("both", value) for value in (2, 2.5, 3, 2**60, 2**60 + 1)}) == 5
    assert len({written("anything", value) for value in (1, True, "1", [1], None)}) == 5
    assert written("flag", True) != written("flag", False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("real", value) for value in (True, "3", float("nan"), float("inf"), 1j, 10**400)),
        *(("whole", value) for value in (5.0, True, "5", 0, float("nan"))),
        *(("both", value) for value in (True, "2", float("inf"))),
        *(("choice", value) for value in (True, 1.0, 2.0, "1", "C(3, 2)", 1 + 0j, 10**5000)),
        *(("many", value) for value in ([True], ["1"], [float("nan")], 1)),
        *(("flag", value) for value in (1, 0, "true")),
        *(("bare", value) for value in (float("nan"), [1.0, float("inf")])),
        ("word", True),
        ("maybe", False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_of_another_type_is_refused_in_one_line(name, value):
    with pytest.raises(UsageError) as raised:
        resolve("plugin", Plugin, {name: value})
    assert str(raised.value).startswith(f"--set plugin.{name}=")
    assert "\n" not in str(raised.value)


# ---- from the request to the run -----------------------------------------------------------------


def runs(*settings, **content):
    """Identity, label and column of each run of a request whose settings were typed."""
    content |= {"set": read_settings(settings)} if settings else {}
    return [(cell.identity, cell.label, cell.noise.point, cell.noise.label) for cell in grid(**content)]


@pytest.mark.parametrize(
    "spellings",
    [
        [{"noise": [text]} for text in ("0.1", "0.10", "1e-1", ".1", "+0.1", "symmetric:0.1", "symmetric:1e-1")],
        [{"noise": [text]} for text in ("0", "0.0", "-0", "pair:0", "symmetric-inclusive:0.0", "0e5")],
        [{"noise": [text]} for text in ("pair:1", "pair:1.0", "pair:1e0")],
        [{"noise": [0.1]}, {"noise": "0.1"}, {"noise": [np.float64(0.1)]}],
        [{"seeds": ["1"]}, {"seeds": [1]}, {"seeds": "01"}, {"seeds": "+1"}],
        [{"held_out": text} for text in ("0.10", 0.1, "1e-1")],
        [{"held_out": text} for text in (0, -0.0, "0", "-0.0")] + [{}],
        [{"methods": ["mix_output"]}, {"methods": ["mix-output"]}],
        [{"epochs": 3}, {"epochs": "3"}],
    ],
)
def test_two_spellings_in_a_request_are_one_run_and_one_column(spellings):
    assert len({tuple(runs(**each)) for each in spellings}) == 1


@pytest.mark.parametrize(
    "settings",
    [
        ["dummy.scale=2", "dummy.scale=2.0", "dummy.scale=20e-1"],
        ["recipe.learning_rate=1", "recipe.learning_rate=1.0"],
        ["recipe.weight_decay=0", "recipe.weight_decay=-0.0", "recipe.weight_decay=0e3"],
        ["relabel.margin=0", "relabel.margin=0.0", "relabel.margin=-0.0"],
        ["recipe.schedule={start=0, rise=1, end=0}", "recipe.schedule={start=0.0, rise=1.0, end=-0.0}"],
    ],
)
def test_two_spellings_of_a_setting_are_one_run(settings):
    assert len({tuple(runs(each)) for each in settings}) == 1


def test_an_inner_methods_name_may_be_spelled_with_either_dash():
    names = {
        tuple(runs(f"deep-ensemble.inner={name}", methods=["deep_ensemble"]))
        for name in ("mix_output", "mix-output")
    }
    assert len(names) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"set": {"dummy": {"scale": [2, 2.0]}}}, "dummy(scale=2.0)"),
        ({"set": {"dummy": {"scale": [1, 3, 1.0]}}}, "dummy"),
        ({"set": {"relabel": {"margin": [0.0, -0.0]}}}, "dummy(relabel.margin=0.0)"),
        (
            {"methods": ["deep-ensemble"], "set": {"deep-ensemble": {"inner": ["mix_output", "mix-output"]}}},
            "inner",
        ),
        ({"noise": ["0.3", "symmetric:0.30"]}, "30%"),
        ({"noise": ["pair:1", "pair:1.0"]}, "pair 100%"),
        ({"seeds": ["1", "01"]}, "1 is given twice"),
    ],
)
def test_one_run_asked_for_twice_is_refused(content, said):
    with pytest.raises(UsageError) as raised:
        grid(**content)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_rates_that_differ_have_columns_of_their_own():
    found = runs(noise=["0.1234567", "0.12345671"])
    assert len({label for *_, label in found}) == 2
