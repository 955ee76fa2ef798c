"""The search space of `bench tune`: configurations of a method by grid or at random."""

import math
import random
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, field_validator, model_validator

from bench.errors import UsageError
from bench.grid.request import GRID, TRAINING, Request
from bench.options import CommasAndRanges, Count, Number, Options, Part, Seed, option
from bench.recipe import Frozen
from bench.validation import validated

TUNING = "How to search"
SHARED = ("recipe", "relabel")  # sections of --set that are searched for every method
TRIES = 50  # draws for each configuration wanted, as some come twice
MOST_LISTED = 100_000  # combinations of listed values that are shuffled; more are drawn

Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Configuration = dict[str, Any]  # value by NAME.KEY; empty: the defaults


class Search(Options):
    """How `bench tune` searches."""

    budget: Count = option(10, "Configurations of each method, its defaults being one of them.", TUNING, "N")
    search: Literal["grid", "random"] = option("grid", "All combinations, or a random part of them.", TUNING)
    metric: str = option(
        "accuracy", "What is best on the held-out part wins, such as scores.own.aurc.", TUNING, "NAME"
    )
    tune_seeds: Annotated[list[Seed], CommasAndRanges, Field(min_length=1)] = option(
        [0], "Seeds that each configuration is tried with; --seeds are those of the winner.", TUNING, "N,…"
    )
    search_seed: Seed = option(0, "Seed of a random search.", TUNING, "N")

    @field_validator("tune_seeds")
    @classmethod
    def _no_repeats(cls, seeds: list[int]) -> list[int]:
        if repeated := [seed for place, seed in enumerate(seeds) if seed in seeds[:place]]:
            raise ValueError(f"{repeated[0]} is given twice")
        return seeds


class Searched(Request):
    """What a search starts from: a part is held out, and the search says what is evaluated."""

    held_out: Annotated[Part, Number] = option(
        0.1, "Part of the noisy training set to set aside, and to choose by.", TRAINING, "PART"
    )
    evaluate: Literal["test", "held-out"] = "test"  # no option
    set: dict[str, dict[str, Any]] = option(
        {},
        "What to search: a list of values such as rul.mix=[2,3] or recipe.learning_rate=[0.05,0.1]; "
        "with --search random also a range. A single value is fixed. May be repeated.",
        GRID,
        "NAME.KEY=VALUE",
        unset="none",
    )


class Range(Frozen):
    """Values between two ends, both included; whole numbers if both ends are."""

    low: Whole | Real
    high: Whole | Real
    log: StrictBool = False  # uniform on a logarithmic scale

    @model_validator(mode="after")
    def _has_an_inside(self) -> "Range":
        if not self.low < self.high:
            raise ValueError("low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("low must be above 0 if log is true")
        return self

    def draw(self, source: random.Random) -> int | float:
        """Return a random value."""
        low, high = self.low, self.high
        if isinstance(low, int) and isinstance(high, int) and not self.log:
            return source.randint(low, high)
        drawn = math.exp(source.uniform(math.log(low), math.log(high))) if self.log else source.uniform(low, high)
        value = min(max(float(f"{drawn:.4g}"), low), high)  # digits that a table can show
        return round(value) if isinstance(low, int) and isinstance(high, int) else value


Axis = list[Any] | Range


def axes_of(request: Request) -> dict[str, Axis]:
    """Return what is searched, by NAME.KEY; other values of --set are fixed.

    Raises:
        UsageError: a list holds less than two values, a range has no inside, or a data set's option
            has several values.
    """
    given = {f"{name}.{key}": value for name, table in request.set.items() for key, value in table.items()}
    axes = {name: axis for name, value in given.items() if (axis := _axis(name, value)) is not None}
    for name in axes:
        if name.partition(".")[0] in request.datasets:
            raise UsageError(f"--set {name}: an option of a data set is not tuned; give it one value")
    return axes


def _axis(name: str, value: Any) -> Axis | None:
    if isinstance(value, dict) and value.keys() & {"low", "high"}:
        try:
            return validated(Range, value, "key of a range")
        except UsageError as error:
            raise UsageError(f"--set {name}: a range is {{low=1, high=9, log=false}}; {error}") from None
    if not isinstance(value, list):
        return None
    if not value:
        raise UsageError(f"--set {name}=[]: the list is empty, it must hold two values or more")
    if len(value) == 1:
        raise UsageError(f"--set {name}={value}: one value leaves nothing to choose; pass two or more in the list")
    return value


def fixed_settings(request: Request) -> dict[str, dict[str, Any]]:
    """Return the settings of a request that are not searched."""
    axes = axes_of(request)
    return {
        name: {key: value for key, value in table.items() if f"{name}.{key}" not in axes}
        for name, table in request.set.items()
    }


def of_method(axes: dict[str, Axis], method: str) -> dict[str, Axis]:
    """Return what is searched for one method: its own settings and those of recipe and relabel."""
    return {name: axis for name, axis in axes.items() if name.partition(".")[0] in (method, *SHARED)}


def size_of_grid(axes: dict[str, Axis], method: str) -> int:
    """Return how many configurations a grid of lists has at most, its defaults included."""
    return 1 + math.prod(len(axis) for axis in of_method(axes, method).values() if isinstance(axis, list))


def configurations(axes: dict[str, Axis], search: Search) -> Iterator[Configuration]:
    """Yield the configurations of a method to try in order, the defaults first; some may be equal.

    Raises:
        UsageError: a grid search of a range.
    """
    yield {}
    if not axes:
        return
    ranges = [name for name, axis in axes.items() if isinstance(axis, Range)]
    if search.search == "grid":
        if ranges:
            raise UsageError(f"--set {ranges[0]}: a range needs --search random; a grid needs a list of values")
        yield from _combinations(axes)
    elif not ranges and math.prod(len(axis) for axis in axes.values() if isinstance(axis, list)) <= MOST_LISTED:
        listed = list(_combinations(axes))
        random.Random(search.search_seed).shuffle(listed)
        yield from listed
    else:
        yield from _draws(axes, search)


def _combinations(axes: dict[str, Axis]) -> Iterator[Configuration]:
    lists = [axis for axis in axes.values() if isinstance(axis, list)]
    for values in product(*lists):
        yield dict(zip(axes, values, strict=True))


def _draws(axes: dict[str, Axis], search: Search) -> Iterator[Configuration]:
    """Yield random configurations; a setting that methods share gets the same values in all."""
    sources = {name: random.Random(f"{search.search_seed} {name}") for name in axes}
    for _ in range(TRIES * search.budget):
        yield {
            name: axis.draw(sources[name]) if isinstance(axis, Range) else sources[name].choice(axis)
            for name, axis in axes.items()
        }
