"""Experiments that nobody meant: whatever their text, a grid or one line, never a traceback."""

import random

import pytest
from harness import PLUGINS, grid

from bench.commands.grid_session import make_request
from bench.errors import BenchError
from bench.grid.cells import cells
from bench.plugins.registry import Registry

TEXT = """\
datasets = ["tiny"]
methods = ["dummy", "baseline"]
noise = [0, 0.3, "pair:0.2"]
seeds = [0, 1]
relabel = ["on", "off"]
epochs = 3

[set.recipe]
batch_size = 16
schedule = { factor = 0.9, first_epoch = 3, every = 2 }

[set.dummy]
scale = [1.0, 2.0]

[recipes.small]
learning_rate = 0.01
"""
PIECES = [
    "[",
    "]",
    "{}",
    "=",
    "\n",
    '"',
    "'",
    "nan",
    "inf",
    "-1",
    "1e400",
    "true",
    "[[x]]",
    "\\u0000",
    "é",
    "9" * 400,
]


def outcome(path):
    """Return the number of cells, or the line that says why there are none."""
    try:
        request = make_request({"device": "cpu", "precision": "float32"}, str(path))
        return len(cells(request, Registry([PLUGINS]), PLUGINS))
    except BenchError as error:
        return str(error)


def test_the_text_itself_is_a_grid(tmp_path):
    (tmp_path / "mine.toml").write_text(TEXT)
    # Three points of noise, two seeds, both ways of relabelling; dummy has two scales.
    assert outcome(tmp_path / "mine.toml") == 3 * 2 * 2 * (2 + 1)


@pytest.mark.parametrize("seed", range(4))
def test_a_text_that_is_garbled_is_a_grid_or_one_line(tmp_path, seed):
    rng = random.Random(seed)
    path = tmp_path / "mine.toml"
    lines = 0
    for _ in range(60):
        text = TEXT
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(text))
            text = text[:place] + rng.choice(PIECES) + text[place + rng.randrange(12) :]
        path.write_text(text)
        found = outcome(path)
        if isinstance(found, str):
            lines += 1
            assert "\n" not in found
            assert len(found) < 1000
    assert 20 < lines <= 60


@pytest.mark.parametrize(
    "value", ["[1, 2]", "{}", "'x'", "true", "1.5", "-1", "''", "[[0]]", "1979-05-27", "0x10", "nan"]
)
@pytest.mark.parametrize(
    "key", ["methods", "noise", "seeds", "epochs", "set", "recipes", "preset", "relabel", "held_out"]
)
def test_a_value_of_any_kind_for_any_key_is_a_grid_or_one_line(tmp_path, key, value):
    lines = [line for line in TEXT.split("[set")[0].splitlines() if not line.startswith(key)]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join([*lines, f"{key} = {value}"]))
    found = outcome(path)
    assert isinstance(found, int) or ("\n" not in found and len(found) < 1000)


def test_the_same_grid_comes_from_python():
    assert len(grid(noise=[0, 0.3, "pair:0.2"], seeds="0-1", relabel=["on", "off"])) == 12
