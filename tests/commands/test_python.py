"""The Python interface takes the options of the command line, as values or as text."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import pytest
from harness import PLUGINS, spec

import bench
from bench.errors import UsageError
from bench.execution.machines import Machines
from bench.grid.request import Request
from bench.tracking.names import Track
from bench.validation import validated

TINY = {"datasets": "tiny", "methods": "dummy", "device": "cpu", "precision": "float32", "plugins": [PLUGINS]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"metods": "dummy"}, "no argument 'metods'. Did you mean 'methods'?"),
        ({"executer": "ray"}, "no argument 'executer'. Did you mean 'executor'?"),
        ({"epochs": True}, "epochs: input should be a valid integer, got True"),
        ({"jobs": -1}, "jobs: input should be greater than or equal to 0, got -1"),
        ({"max_minutes": "-1"}, "max_minutes: input should be greater than or equal to 0, got -1"),
        ({"address": "h:1"}, "--address needs --executor ray"),
    ],
)
def test_an_option_that_does_not_fit_is_one_line_and_nothing_is_written(tmp_path, options, said):
    with pytest.raises(UsageError) as error:
        bench.run(results=tmp_path / "results", **TINY | options)
    assert str(error.value).startswith(said)
    assert not (tmp_path / "results").exists()


def test_text_and_values_ask_for_the_same_runs_and_time_is_limited_as_from_a_shell(tmp_path):
    typed = bench.run(results=tmp_path, **TINY, noise="0.3", seeds="0", checkpoint_minutes="0", threads="1")
    assert list(typed["identity"]) == [spec().identity]
    values = bench.run(results=tmp_path, **TINY | {"methods": ["dummy"]}, noise=[0.3], seeds=[0], jobs=0)
    assert list(values["identity"]) == [spec().identity]
    assert len(bench.run(results=tmp_path, **TINY, noise="0.3", seeds="1", max_minutes=0)) == 0


def parameters():
    return inspect.signature(bench.run).parameters


def fields():
    """The options of a grid and of its execution; pictures belong to the report."""
    every = {**Request.model_fields, **Machines.model_fields, **Track.model_fields}
    return {name: field for name, field in every.items() if name != "pictures"}


def test_the_signature_is_that_of_the_models_whose_options_it_takes():
    shown = {name: parameter.default for name, parameter in parameters().items()}
    own = {"results", "data_root", "download", "plugins", "force", "keep_weights", "progress"}
    assert shown.keys() - own == fields().keys(), "an option of these models is an argument of bench.run"
    for model, others in ((Request, {}), (Machines, {"jobs": 0}), (Track, {})):
        given = {name: shown[name] for name in model.model_fields if name in shown}
        assert validated(model, given, "argument") == model(**others)


def test_the_signature_shows_completion_and_type_checkers_every_argument_and_the_docstring_tells_it():
    assert all(
        each.kind is each.KEYWORD_ONLY and each.annotation is not each.empty for each in parameters().values()
    )
    told = bench.run.__doc__.partition("Raises:")[0]
    documented = re.findall(r"^ {8}(\w+): \S", told, re.MULTILINE)
    assert documented == list(parameters())


def test_choices_are_those_of_the_models():
    hints = get_type_hints(bench.run)
    for name, field in fields().items():
        if get_origin(field.annotation) is Literal:
            assert get_args(hints[name]) == get_args(field.annotation), name


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ({"noise": 0.3}, {"noise": "0.3"}),
        ({"noise": [0, 0.3]}, {"noise": "0,0.3"}),
        ({"noise": np.array([0, 0.3])}, {"noise": "0.0,0.3"}),
        ({"noise": (0.1, "pair:0.3")}, {"noise": "0.1,pair:0.3"}),
        ({"noise": np.float64(0.3)}, {"noise": "0.3"}),
        ({"seeds": 3}, {"seeds": "3"}),
        ({"seeds": range(3)}, {"seeds": "0-2"}),
        ({"seeds": np.arange(3)}, {"seeds": "0-2"}),
        ({"methods": ("rul", "scn")}, {"methods": "rul,scn"}),
        ({"methods": pd.Series(["rul", "scn"])}, {"methods": "rul,scn"}),
        ({"epochs": np.int64(3)}, {"epochs": "3"}),
        ({"held_out": np.float64(0.1)}, {"held_out": "0.1"}),
        ({"relabel": ["on", "off"]}, {"relabel": "on,off"}),
    ],
)
def test_lists_arrays_and_lone_values_are_what_text_is(given, typed):
    assert validated(Request, given, "argument") == validated(Request, typed, "argument")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"noise": {"a": 1}}, "noise: input should be a valid list, got {'a': 1}"),
        ({"seeds": 1.5}, "seeds: input should be a valid integer, got 1.5"),
        ({"methods": 3}, "methods: input should be a valid string, got 3"),
        ({"noise": []}, "noise: the list, or a place in it, is empty, got []"),
        ({"relabel": True}, "relabel: input should be 'on' or 'off', got True"),
        ({"device": "tpu"}, "device: must be auto, cpu, cuda, cuda:N or mps, got 'tpu'"),
        ({"device": "cuda:"}, "device: must be auto, cpu, cuda, cuda:N or mps, got 'cuda:'"),
        ({"device": 1}, "device: input should be a valid string, got 1"),
    ],
)
def test_a_value_that_is_none_is_one_line(given, said):
    with pytest.raises(UsageError) as error:
        validated(Request, given, "argument")
    assert str(error.value) == said


def test_the_package_shows_its_functions_before_it_imports_them():
    program = (
        "import bench, sys; assert {'run', 'load_curves', 'load_predictions'} <= set(dir(bench)); "
        "assert not {'torch', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert all(callable(getattr(bench, name)) for name in bench.__all__ if name != "__version__")
    assert (Path(bench.__file__).parent / "py.typed").is_file()
    with pytest.raises(AttributeError, match="module 'bench' has no attribute 'runn'"):
        bench.runn  # noqa: B018
