"""The recipe of a run: the data set's own, with what was asked for."""

from typing import Any

from bench.errors import UsageError, unknown
from bench.grid.config_files import load_preset, own_recipe
from bench.grid.request import Request
from bench.plugins.registry import Plugin
from bench.recipe import Recipe
from bench.validation import validated


def chosen_recipes(request: Request) -> list[str | None]:
    """Return the names of the recipes to run; only None where the request names none.

    Raises:
        UsageError: a name is unknown.
    """
    for name in request.recipe or []:
        if not request.recipes:
            raise UsageError(f"--recipe {name}: only an experiment names recipes; pass --experiment as well")
        if name not in request.recipes:
            raise unknown("recipe of this experiment", name, request.recipes)
    return list(request.recipe or request.recipes or [None])


def resolve_recipe(request: Request, dataset: Plugin, name: str | None = None) -> Recipe:
    """Return the data set's recipe with all changes to it.

    Changed by the preset, then by the named recipe, then by `--set recipe.KEY`, then by options. If
    only the epochs are changed, the epoch from which labels are changed moves in proportion.
    """
    own = own_recipe(dataset)
    preset = {} if request.preset is None else load_preset(request.preset)
    named: dict[str, Any] = {} if name is None else request.recipes[name]
    flags = {"epochs": request.epochs, "relabel_from": request.relabel_from}
    over = preset | named | request.set.get("recipe", {}) | {k: v for k, v in flags.items() if v is not None}
    recipe = validated(Recipe, own | over, "key of recipe")
    if "relabel_from" in over:
        return recipe
    published = validated(Recipe, own, "key of recipe")
    start = max(2, round(published.relabel_from * recipe.epochs / published.epochs))
    return recipe.model_copy(update={"relabel_from": start})
