from typing import Any, Literal

import pytest
from pydantic import PositiveInt

from bench.errors import UsageError
from bench.plugins.hyperparameters import declared, defaults, resolve


class Parent:
    def __init__(self, task: int, *, width: PositiveInt = 64, rate: float = 0.4) -> None: ...


class Child(Parent):
    def __init__(self, task: int, *, mix: Literal[2, "all"] = 2, **parents: Any) -> None: ...


class Closed(Parent):
    def __init__(self, task: int, *, own: bool) -> None: ...


def test_keywords_of_the_class_and_of_those_it_passes_on_are_hyper_parameters():
    assert defaults(Child) == {"mix": 2, "width": 64, "rate": 0.4}


def test_a_constructor_that_passes_nothing_on_hides_its_parents():
    assert set(declared(Closed)) == {"own"}


def test_given_values_join_the_defaults():
    assert resolve("child", Child, {"mix": "all"}) == {"mix": "all", "width": 64, "rate": 0.4}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mx": 3}, "no hyper-parameter of child 'mx'. Did you mean 'mix'? Available: mix, rate, width"),
        ({"mix": "banana"}, "--set child.mix=banana: input should be 2 or 'all'"),
        ({"width": 0}, "--set child.width=0: input should be greater than 0"),
        ({"width": True}, "--set child.width=True: input should be a valid integer"),
        ({"rate": float("nan")}, "--set child.rate=nan: input should be a finite number"),
        ({"rate": "fast"}, "--set child.rate=fast: input should be a valid number"),
    ],
)
def test_an_unfit_value_is_told_in_one_line(given, said):
    with pytest.raises(UsageError) as raised:
        resolve("child", Child, given)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_a_whole_number_may_stand_for_a_float():
    assert resolve("child", Child, {"rate": 1})["rate"] == 1.0


def test_a_required_one_that_is_missing_is_named():
    with pytest.raises(UsageError, match=r"closed needs own: pass --set closed\.own=VALUE"):
        resolve("closed", Closed, {})
