"""What the command line makes of its options before it runs anything."""

import pytest

from bench.commands.grid_session import make_request
from bench.commands.report import report
from bench.errors import UsageError

EXPERIMENT = """
methods = ["rul"]
noise = [0, 0.3]

[set.rul]
mix = [2, 3]
dimension = 32

[set.recipe]
epochs = 5

[pictures]
figures = ["images"]
top = 12
score = "msp"
"""

FIGURES = "'images', 'features', 'reliability' or 'histograms'"


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / "experiment.toml").write_text(EXPERIMENT)
    return str(tmp_path / "experiment.toml")


def test_without_options_a_request_is_the_experiments(experiment):
    request = make_request({}, experiment)
    assert (request.methods, request.noise) == (["rul"], ["0", "0.3"])
    assert request.set == {"rul": {"mix": [2, 3], "dimension": 32}, "recipe": {"epochs": 5}}
    assert request.pictures.model_dump() == {"figures": ["images"], "top": 12, "score": "msp"}


def test_an_option_replaces_that_of_the_experiment(experiment):
    request = make_request({"noise": ["0.2"], "seeds": [1]}, experiment)
    assert (request.methods, request.noise, request.seeds) == (["rul"], ["0.2"], [1])


def test_settings_replace_those_of_the_experiment_key_by_key(experiment):
    request = make_request({"set": {"rul": {"mix": 5}, "relabel": {"margin": 0.1}}}, experiment)
    assert request.set == {
        "rul": {"mix": 5, "dimension": 32},
        "recipe": {"epochs": 5},
        "relabel": {"margin": 0.1},
    }


def test_pictures_replace_those_of_the_experiment_key_by_key(experiment):
    request = make_request({"pictures": {"figures": ["features"]}}, experiment)
    assert request.pictures.model_dump() == {"figures": ["features"], "top": 12, "score": "msp"}


def test_options_alone_are_a_request():
    request = make_request({"set": {"rul": {"mix": 5}}, "pictures": {"figures": ["images"]}}, None)
    assert request.set == {"rul": {"mix": 5}}
    assert request.pictures.model_dump() == {"figures": ["images"], "top": None, "score": "own"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "[pictures]\nfigures = ['faces']",
            f"--figures: input should be {FIGURES}, got 'faces'",
        ),
        ("[pictures]\ntop = 0", "--top: input should be greater than 0, got 0"),
        ("set = 3", "--set: input should be a valid dictionary, got 3"),
        ("pictures = 'images'", "--pictures: "),
    ],
)
def test_an_unfit_value_of_an_experiment_is_one_line(tmp_path, content, said):
    (tmp_path / "bad.toml").write_text(content)
    with pytest.raises(UsageError) as error:
        make_request({"seeds": [1]}, str(tmp_path / "bad.toml"))
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        ({"figures": "imgaes"}, f"--figures: input should be {FIGURES}, got 'imgaes'"),
        ({"score": "mps"}, "--score: input should be 'own', 'msp', 'entropy', 'margin' or 'energy', got 'mps'"),
        ({"top": "0"}, "--top: input should be greater than 0, got 0"),
    ],
)
def test_a_report_of_pictures_that_there_are_not_is_refused_before_anything_is_written(tmp_path, pictures, said):
    (tmp_path / "runs").mkdir()
    with pytest.raises(UsageError) as error:
        report(results=tmp_path, **pictures)
    assert str(error.value) == said
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
