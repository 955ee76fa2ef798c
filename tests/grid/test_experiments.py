"""Every experiment of ours, from TOML file to pictures, on small stand-ins for its data sets."""

import pytest
from harness import plugin

from bench.commands import grid_session as commands
from bench.commands.list import GRID
from bench.execution.machines import Machines
from bench.grid.cells import cells
from bench.recipe import Recipe
from bench.report.results import load_records
from bench.store.store import Store

EXPERIMENTS = sorted(path.stem for path in (GRID / "experiments").glob("*.toml"))
STAND_IN = '''
"""Forty-five noisy images 1×8×8 of three classes, whose bright row is their class."""

import torch

from bench.data.augment import Transforms
from bench.data.dataset import DataSet, Source, Split


class StandIn(Source):
    def load(self, root, download):
        transforms = Transforms([0.5], [0.5])
        return DataSet(part(45), part(30), ("a", "b", "c"), transforms.augment, transforms.evaluate)


def part(size):
    labels = torch.arange(size) % 3
    images = torch.randint(0, 200, (size, 1, 8, 8), generator=torch.Generator().manual_seed(size))
    images[torch.arange(size), 0, 2 * labels] += 55
    return Split(images.to(torch.uint8), labels)
'''
# The pictures that an experiment is for, by the beginning of their names.
SHOWN = {
    "dimension-mnist": ["ablation-rul-dimension-mnist"],
    "dimension-rafdb": ["ablation-rul-dimension-rafdb"],
    "mix-mnist": ["ablation-rul-mix-mnist"],
    "mix-rafdb": ["ablation-rul-mix-rafdb"],
    "relabel-mnist": ["relabelling-mnist"],
    "images-mnist": ["uncertain-rul", "certain-rul"],
    "images-cifar10": ["uncertain-rul", "certain-rul"],
    "images-rafdb": ["uncertain-scn", "certain-dul", "uncertain-rul"],
    "features-rafdb": ["features-dul", "features-rul"],
    "confusion-rafdb": ["confusion-rafdb"],
    "rejection-rafdb": ["rejection-rafdb"],
    "fer2013": ["rejection-fer2013"],
    "mixing-rafdb": ["rejection-rafdb"],
    "table1-mnist": ["training-mnist-symmetric-0.3", "training-mnist-symmetric-0"],
    "table1-relabelling": ["relabelling-mnist"],
    "table1-cifar10": ["training-cifar10-symmetric-0.3"],
    "table1-cifar10-short": ["training-cifar10-symmetric-0.3", "rejection-cifar10"],
    "rul-gap": ["training-mnist-", "relabelling-mnist-"],
    "supplement-mnist": ["uncertain-rul", "certain-scn", "features-mix-output-space-probabilities", "confusion"],
}
PAPER_EPOCHS = {
    "table1-mnist": (35, 10),
    "table1-relabelling": (35, 10),
    "table1-cifar10": (250, 100),
    "fer2013": (250, 100),
    "table1-cifar10-short": (14, 6),
}
SMALL_NET = {"backbone": "cnn-16-32-64", "batch_size": 16, "learning_rate": 0.02, "first_bias_epochs": None}
SMALLER = {"set": {"recipe": SMALL_NET}}
# Of the experiment that compares nets the small one, by both recipes; of Table 1 two rates.
TWO_RATES = {**SMALLER, "noise": [0, 0.3]}
SMALLER_BY_NAME = {"rul-gap": {"recipe": ["small", "small-published"]}} | {
    name: TWO_RATES for name in EXPERIMENTS if name.startswith("table1-")
}


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    for name in ("mnist", "cifar10", "fer2013", "rafdb"):
        plugin(folder, name, STAND_IN, "datasets")
    return folder


def test_every_experiment_is_covered_here():
    assert set(SHOWN) == set(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_runs_end_to_end_and_draws_its_pictures(name, stand_ins, tmp_path):
    context = commands.make_context(tmp_path, None, [stand_ins])
    small = {"epochs": 2, "seeds": [0], "device": "cpu", "precision": "float32"}
    request = commands.make_request(small | SMALLER_BY_NAME.get(name, SMALLER), name)
    grid = cells(request, context.registry, context.data_root)
    assert commands.run(request, grid, context, tmp_path, Machines(jobs=0), []) == 0
    records, problems = load_records(Store(tmp_path))
    assert (len(records), problems) == (len(grid), [])
    drawn = [path.stem for path in (tmp_path / "report" / "figures").iterdir()]
    for start in SHOWN[name]:
        assert any(stem.startswith(start) for stem in drawn), start


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_fits_the_recipes_that_ship(name):
    context = commands.make_context(GRID, None, [])
    recipes = [cell.recipe for cell in cells(commands.make_request({}, name), context.registry, context.data_root)]
    assert all(isinstance(recipe, Recipe) for recipe in recipes)
    if name in PAPER_EPOCHS:
        assert {(recipe.epochs, recipe.relabel_from) for recipe in recipes} == {PAPER_EPOCHS[name]}


def test_the_list_of_experiments_fits_a_terminal_line():
    for name in EXPERIMENTS:
        line = (GRID / "experiments" / f"{name}.toml").read_text().splitlines()[0]
        assert line.startswith("# ")
        assert len(line) - 2 + max(map(len, EXPERIMENTS)) + 6 <= 80, name
