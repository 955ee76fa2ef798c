"""Empty texts, as an unset variable of a shell leaves them, are refused wherever they stand."""

import inspect
import os

import pytest
from harness import PLUGINS, bench
from typer.testing import CliRunner

import bench as package
from bench.commands.assignments import read_pairs, read_settings
from bench.commands.cli import app
from bench.commands.grid_session import make_request
from bench.commands.run import run
from bench.errors import BenchError, UsageError
from bench.execution.machines import Machines
from bench.grid.pictures import Pictures
from bench.grid.request import Request
from bench.grid.search_space import Search
from bench.options import path_of
from bench.report.selection import Selection
from bench.tracking.names import Track
from bench.validation import validated

FLAGS = {"dry_run", "force", "download"}
OPTIONS = [f"--{name.replace('_', '-')}" for name in inspect.signature(run).parameters if name not in FLAGS]
OTHERS = [
    ("compare", "--datasets"), ("compare", "--methods"), ("compare", "--metric"), ("compare", "--against"),
    ("compare", "--noise"), ("report", "--methods"), ("report", "--setting"),
    ("compare", "--results"), ("report", "--results"), ("report", "--score"), ("report", "--plugins"),
    ("status", "--results"), ("merge", "--results"), ("pack", "--results"), ("check", "--set"),
    ("check", "--data-root"), ("new", "--plugins"), ("list", "--plugins"),
]  # fmt: skip


def refused(*arguments):
    """Run a command in this process, and return the error that it ends in."""
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, UsageError), (arguments, result.exception, result.output)
    return str(result.exception)


@pytest.mark.parametrize("empty", ["", " ", "\t", "\n"])
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_run_is_never_empty(option, empty):
    assert refused("run", option, empty).startswith(f"{option}: must not be empty")
    assert refused("run", f"{option}={empty}").startswith(f"{option}: must not be empty")


@pytest.mark.parametrize(("command", "option"), OTHERS)
def test_nor_is_one_of_another_command(command, option):
    assert refused(command, option, "").startswith(f"{option}: must not be empty")


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", ""],
        ["check", ""],
        ["new", "", "x"],
        ["new", "method", ""],
        ["merge", ""],
        ["merge", "a", " "],
        ["pack", ""],
    ],
)
def test_nor_is_an_argument(arguments):
    assert refused(*arguments).startswith("an argument: must not be empty")


def test_the_command_says_so_in_one_line_and_writes_nothing(tmp_path):
    done = bench("run", "--experiment", "", "--results", str(tmp_path / "results"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --experiment: must not be empty, as an unset variable of a shell is\n"
    assert not (tmp_path / "results").exists()


TEXTS = {
    Request: ["methods", "datasets", "noise", "seeds", "recipe", "preset", "epochs", "relabel", "relabel_from",
              "held_out", "evaluate", "noise_seed", "device", "precision"],
    Machines: ["jobs", "runs_per_gpu", "threads", "max_minutes", "checkpoint_minutes", "executor", "address"],
    Search: ["budget", "search", "metric", "tune_seeds", "search_seed"],
    Pictures: ["figures", "top", "score"],
    Track: ["track"],
    Selection: ["datasets", "methods", "noise", "setting"],
}  # fmt: skip


@pytest.mark.parametrize("empty", ["", "  ", "\n", ["", "a"]])
@pytest.mark.parametrize(("model", "name"), [(model, name) for model, names in TEXTS.items() for name in names])
def test_a_field_of_a_model_is_never_empty(model, name, empty):
    with pytest.raises(UsageError, match=f"^{name}"):
        validated(model, {name: empty}, "key")


@pytest.mark.parametrize("name", ["methods", "datasets", "noise", "seeds", "relabel"])
@pytest.mark.parametrize("gap", [",", "0,,1", "0,", ",0", [], [" ", "0"]])
def test_nor_is_a_place_in_a_list(name, gap):
    with pytest.raises(UsageError, match=f"^{name}"):
        validated(Request, {name: gap}, "key")


def test_all_fields_that_take_text_are_tried():
    for model, tried in TEXTS.items():
        assert set(tried) == set(model.model_fields) - {"set", "slurm", "pictures", "recipes"}


@pytest.mark.parametrize(
    "read",
    [
        lambda: read_settings(["rul.mix="]),
        lambda: read_settings(["folder.path= "]),
        lambda: read_pairs(["timeout_min="]),
        lambda: make_request({}, ""),
        lambda: make_request({"preset": ""}, None),
        lambda: path_of("", "--results"),
        lambda: validated(Selection, {"methods": "a,,b"}, "option"),
        lambda: validated(Selection, {"noise": ["0", ""]}, "argument"),
    ],
)
def test_nor_is_a_part_of_an_option(read):
    with pytest.raises(UsageError):
        read()


def test_an_empty_text_can_still_be_given_on_purpose():
    assert read_settings(['rul.tag=""']) == {"rul": {"tag": ""}}


@pytest.mark.parametrize(
    "options",
    [
        {"results": ""}, {"data_root": ""}, {"plugins": [""]}, {"plugins": ""}, {"preset": ""}, {"address": ""},
        {"methods": ""}, {"methods": [""]}, {"seeds": ""}, {"noise": ""}, {"executor": " "},
        {"datasets": "digits,"},
    ],
)  # fmt: skip
@pytest.mark.usefixtures("unchecked_types")
def test_the_python_interface_refuses_it(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchError, match=f"^{next(iter(options))}|^--data-root"):
        package.run(**{"methods": ["dummy"], "datasets": ["tiny"], "plugins": [PLUGINS]} | options)
    assert os.listdir() == []  # noqa: PTH208


@pytest.mark.parametrize(
    "options",
    [
        {"results": ""},
        {"datasets": ""},
        {"methods": ["", "rul"]},
        {"metric": ""},
        {"against": ""},
        {"against": " "},
    ],
)
def test_so_do_comparisons(options):
    with pytest.raises(UsageError, match="must not be empty"):
        package.compare(**options)


def test_so_does_the_loading_of_results():
    with pytest.raises(UsageError, match="^results: must not be empty"):
        package.load_results("")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--seeds", "0", "--seeds", "1"], "--seeds"),
        (["--methods=rul", "--methods", "scn"], "--methods"),
        (["--results", "a", "--results=b"], "--results"),
    ],
)
def test_an_option_that_is_given_twice_is_refused_as_only_the_last_would_count(arguments, option):
    assert refused("run", *arguments) == f"{option} is given twice"
