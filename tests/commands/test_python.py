"""The Python interface takes the options of the command line, as values or as text."""

import pytest
from harness import PLUGINS, spec

import bench
from bench.errors import UsageError

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
