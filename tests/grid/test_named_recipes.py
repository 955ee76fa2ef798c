"""Recipes that an experiment names: each is run, under its name, which does not count."""

import pytest
from harness import grid

from bench.errors import UsageError

NAMED = {"small": {"backbone": "cnn-8", "epochs": 3}, "large": {"backbone": "cnn-16", "epochs": 4}}


def test_each_recipe_that_is_named_is_run_under_its_name():
    found = grid(methods=["dummy"], noise=["0"], recipes=NAMED, seeds=[0, 1])
    assert [(cell.seed, cell.recipe_name, cell.recipe.backbone, cell.recipe.epochs == 4) for cell in found] == [
        (0, "small", "cnn-8", False),
        (0, "large", "cnn-16", True),
        (1, "small", "cnn-8", False),
        (1, "large", "cnn-16", True),
    ]
    assert found[1].title.split(" · ")[1] == "large"
    (one,) = grid(methods=["dummy"], noise=["0"], recipes=NAMED, recipe=["large"])
    assert one == found[1]


def test_the_name_of_a_recipe_does_not_count():
    (named,) = grid(methods=["dummy"], noise=["0"], recipes=NAMED, recipe=["small"])
    (unnamed,) = grid(methods=["dummy"], noise=["0"], set={"recipe": NAMED["small"]})
    assert named.identity == unnamed.identity


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"recipe": ["small"]}, "--recipe small: only an experiment names recipes; pass --experiment as well"),
        ({"recipes": NAMED, "recipe": ["tiny"]}, "no recipe of this experiment 'tiny'. Available: large, small"),
        ({"recipes": NAMED, "recipe": ["small", "small"]}, "--recipe: small is given twice"),
        ({"recipes": NAMED | {"same": NAMED["small"]}}, "--recipe: small and same are the same on "),
        ({"recipes": {"small": {"backbon": "cnn-8"}}}, "no key of recipe 'backbon'. Did you mean 'backbone'?"),
        ({"recipes": {"Small one": {}}}, "recipes"),
    ],
)
def test_recipes_that_cannot_be_run_are_refused_in_one_line(content, said):
    with pytest.raises(UsageError) as raised:
        grid(methods=["dummy"], noise=["0"], **content)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
