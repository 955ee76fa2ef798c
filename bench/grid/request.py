"""What to run and how to train, as a user asks for it by options, a TOML file or in Python."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from bench.grid.pictures import Pictures
from bench.options import Commas, CommasAndRanges, Count, Number, Options, Part, Seed, option, split_list
from bench.plugins.registry import plugin_name

GRID, TRAINING = "What to run", "How to train and evaluate"
Names = Annotated[list[str], Commas]


def _device(given: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,4})?", given):
        raise ValueError("must be auto, cpu, cuda, cuda:N or mps")
    return given


class Request(Options):
    """What to run and how to train; `bench.grid.cells` makes a grid of it.

    A list among the hyper-parameters of `set` is an axis of the grid: each value gets its own row.
    """

    methods: Names | None = option(None, "Methods to run.", GRID, "NAME,…", unset="all")
    datasets: Names = option(["digits"], "Data sets to train on.", GRID, "NAME,…")
    noise: Names = option(
        ["0", "0.1", "0.2", "0.3"],
        "Label noise: 0.3 is symmetric:0.3, other kinds by name, such as pair:0.3 or human:worse; "
        "see `bench list noise`.",
        GRID,
        "RATE,…",
    )
    seeds: Annotated[list[Seed], CommasAndRanges] = option(
        [0], "Seeds, such as 0,1 or 0-4; each is a run of its own.", GRID, "N,…"
    )
    set: dict[str, dict[str, Any]] = option(
        {},
        "A hyper-parameter of a method or data set, or a key of recipe or relabel: rul.mix=3, "
        "recipe.learning_rate=0.05. For a method or relabel, a list such as [2,3] runs each value. "
        "May be repeated.",
        GRID,
        "NAME.KEY=VALUE",
        unset="each plugin's own",
    )
    # Changes to the recipe by a name for them; each is run.
    recipes: dict[Annotated[str, Field(pattern="^[a-z0-9-]+$")], dict[str, Any]] = Field({})
    recipe: Names | None = option(
        None, "Which of an experiment's recipes to run.", TRAINING, "NAME,…", unset="all that it names"
    )
    preset: str | None = option(None, "Changes to the recipe, such as quick.", TRAINING, "NAME", unset="none")
    epochs: Count | None = option(None, "Epochs of training.", TRAINING, "N", unset="the recipe's")
    relabel: Annotated[list[Literal["on", "off"]], Commas] | None = option(
        None,
        "Relabelling for all methods: on, off, or on,off to run both.",
        TRAINING,
        "on|off",
        unset="each method's own",
    )
    relabel_from: Count | None = option(
        None, "First epoch that relabels, from 1.", TRAINING, "N", unset="the recipe's"
    )
    held_out: Annotated[Part, Number] = option(
        0.0, "Part of the noisy training set to set aside, such as 0.1.", TRAINING, "PART"
    )
    evaluate: Literal["test", "held-out"] = option(
        "test", "The images to evaluate on; held-out is for choosing recipes.", TRAINING
    )
    noise_seed: Seed | None = option(None, "Seed of the label noise.", TRAINING, "N", unset="the run's seed")
    device: Annotated[str, AfterValidator(_device)] = option(
        "auto",
        "Device to train on; cuda:1 is the second GPU of this machine, mps that of a Mac.",
        TRAINING,
        "auto|cpu|cuda|cuda:N|mps",
    )
    precision: Literal["auto", "float32", "bfloat16"] = option(
        "auto",
        "Number type of the nets; auto is bfloat16 where the hardware has it.",
        TRAINING,
    )
    pictures: Pictures = Pictures()

    @field_validator("noise", mode="before")
    @classmethod
    def _as_text(cls, noise: Any) -> Any:
        points = split_list(noise)
        return [str(point) for point in points] if isinstance(points, list) else points

    @field_validator("methods", "datasets")
    @classmethod
    def _names(cls, values: list[str] | None) -> list[str] | None:
        return None if values is None else [plugin_name(value) for value in values]

    @field_validator("set")
    @classmethod
    def _named(cls, settings: dict[str, Any]) -> dict[str, Any]:
        named = {plugin_name(name): values for name, values in settings.items()}
        if len(named) < len(settings):
            raise ValueError("a name is given twice, with _ and with -")
        return named

    @field_validator("methods", "datasets", "noise", "seeds", "relabel", "recipe")
    @classmethod
    def _no_gaps_or_repeats(cls, values: list[Any] | None) -> list[Any] | None:
        if values is None:
            return values
        if not values or "" in values:
            raise ValueError("the list, or a place in it, is empty")
        repeated = [value for k, value in enumerate(values) if value in values[:k]]
        if repeated:
            raise ValueError(f"{repeated[0]} is given twice")
        return values
