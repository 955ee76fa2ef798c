"""The recipe of a run: the data set's own, with what was asked for."""

from bench.grid.config_files import load_preset, own_recipe
from bench.grid.request import Request
from bench.plugins.registry import Plugin
from bench.recipe import Recipe
from bench.spec import validated


def resolve_recipe(request: Request, dataset: Plugin) -> Recipe:
    """Return the data set's recipe, changed by the preset, then `--set recipe.KEY`, then options.

    If only the epochs are changed, the epoch from which labels are changed moves in proportion.
    """
    own = own_recipe(dataset)
    preset = {} if request.preset is None else load_preset(request.preset)
    flags = {"epochs": request.epochs, "relabel_from": request.relabel_from}
    over = preset | request.set.get("recipe", {}) | {k: v for k, v in flags.items() if v is not None}
    recipe = validated(Recipe, own | over, "key of recipe")
    if "relabel_from" in over:
        return recipe
    published = validated(Recipe, own, "key of recipe")
    start = max(2, round(published.relabel_from * recipe.epochs / published.epochs))
    return recipe.model_copy(update={"relabel_from": start})
