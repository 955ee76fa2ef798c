"""What `bench tune` runs: the configurations of each method, and the test of each, as runs."""

from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from bench.errors import BenchError, UsageError
from bench.grid.cell_state import BrokenCell
from bench.grid.cells import cells
from bench.grid.request import Request
from bench.grid.search_space import (
    Axis,
    Configuration,
    Search,
    axes_of,
    configurations,
    fixed_settings,
    of_method,
    size_of_grid,
)
from bench.plugins.factory import MethodFactory
from bench.plugins.registry import Registry
from bench.spec import RunSpec


class Trial(NamedTuple):
    """One configuration at one noise: its runs on the held-out part, and those if it wins."""

    values: Configuration
    searched: tuple[RunSpec, ...]
    tested: tuple[RunSpec, ...]


class Contest(NamedTuple):
    """The configurations of one method on one data set at one noise, of which one wins."""

    dataset: str
    noise: str
    method: str
    trials: list[Trial]


def contests(request: Request, search: Search, registry: Registry, data_root: Path) -> list[Contest]:
    """Return what is to be tried.

    Args:
        request: what a user asks for; lists and ranges in `set` are searched.
        search: how.
        registry: where methods and data sets are found.
        data_root: where data sets lie.

    Raises:
        UsageError: a name is unknown, a value does not fit, nothing is searched, or a grid is
            larger than the budget.
        BenchError: a plugin does not load.
    """
    _check(request)
    axes = axes_of(request)
    if not axes:
        raise UsageError("nothing to tune: pass values to choose from, such as --set 'rul.mix=[2,3]'")
    names = request.model_copy(update={"set": {name: {} for name in request.set}, "held_out": 0.1})
    cells(names, registry, data_root)  # refuses names that are unknown or not in this search
    methods = request.methods or list(registry.all("methods"))
    found = [_of_method(request, search, axes, method, registry, data_root) for method in methods]
    return sorted(chain(*found), key=lambda each: request.datasets.index(each.dataset))


def _check(request: Request) -> None:
    if not request.held_out:
        raise UsageError("--held-out 0: a search needs a held-out part of the training set, such as 0.1")
    if request.evaluate != "test":
        raise UsageError(
            "--evaluate: leave it out; a search evaluates on the held-out part, and its winner on the test set"
        )
    if len(request.recipe or request.recipes or [None]) > 1:
        raise UsageError("--recipe: a search starts from one; pass --recipe NAME, or --set 'recipe.KEY=[…]'")
    if len(request.relabel or [None]) > 1:
        raise UsageError("--relabel on,off: a search relabels or does not; pass one of them")


def _of_method(
    request: Request, search: Search, axes: dict[str, Axis], method: str, registry: Registry, data_root: Path
) -> list[Contest]:
    """Return a method's contests, one for each data set and noise."""
    found: dict[tuple[Any, ...], Contest] = {}
    tried = set[tuple[str, ...]]()
    for values in configurations(of_method(axes, method), search):
        chosen = _request(request, method, values)
        searching = {"seeds": search.tune_seeds, "evaluate": "held-out"}
        searched = _specs(chosen.model_copy(update=searching), values, registry, data_root)
        key = tuple(spec.identity for spec in searched)
        if key in tried:  # a listed value that is the default
            continue
        if len(tried) == search.budget:
            if search.search == "random":
                break
            raise UsageError(
                f"--budget {search.budget}: the grid of {method} has up to {size_of_grid(axes, method)} "
                "configurations, its defaults included; raise the budget or pass --search random"
            )
        tried.add(key)
        tested = _specs(_for_test(chosen, method, registry), values, registry, data_root)
        _add(found, method, values, searched, tested)
    return list(found.values())


def _request(request: Request, method: str, values: Configuration) -> Request:
    """Return the request of one configuration."""
    fixed = fixed_settings(request)
    settings = {name: fixed.get(name, {}) for name in (method, "recipe", "relabel", *request.datasets)}
    for path, value in values.items():
        name, _, key = path.partition(".")
        settings[name] = settings[name] | {key: value}
    return request.model_copy(update={"methods": [method], "set": settings})


def _for_test(request: Request, method: str, registry: Registry) -> Request:
    """Return a request that trains on the whole training set, unless the method needs a part."""
    factory = MethodFactory.resolve(method, request.set[method], registry)
    return request if factory.needs_held_out else request.model_copy(update={"held_out": 0.0})


def _specs(request: Request, values: Configuration, registry: Registry, data_root: Path) -> list[RunSpec]:
    """Return the runs of one configuration, its changes to the recipe in their titles.

    Raises:
        BenchError: a plugin does not load.
    """
    changed = ", ".join(
        f"{path.partition('.')[2]}={value}" for path, value in values.items() if path.startswith("recipe.")
    )
    found = []
    for cell in cells(request, registry, data_root):
        if isinstance(cell, BrokenCell):
            raise BenchError(f"{cell.title}: {cell.reason}")
        found.append(cell.model_copy(update={"recipe_name": changed}) if changed else cell)
    return found


def _add(
    found: dict[tuple[Any, ...], Contest],
    method: str,
    values: Configuration,
    searched: list[RunSpec],
    tested: list[RunSpec],
) -> None:
    """Add a configuration to the contests of its data sets and noises."""
    for place in dict.fromkeys(_place(spec) for spec in searched):
        here, there = ([spec for spec in runs if _place(spec) == place] for runs in (searched, tested))
        contest = Contest(here[0].dataset.name, here[0].noise.label, method, [])
        found.setdefault(place, contest).trials.append(Trial(values, tuple(here), tuple(there)))


def _place(spec: RunSpec) -> tuple[Any, ...]:
    return spec.dataset.name, spec.noise.point
