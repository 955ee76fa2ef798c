"""What a user asks for: flags or a TOML file → a request, with its noise axis and its recipe resolved."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, field_validator

from bench.plugins.registry import plugin_name
from bench.spec import Pictures


class Request(BaseModel):
    """What a user asks for, from flags or a TOML file; `cells` makes it a grid.

    A list among the hyper-parameters of `set` is an axis of the grid, and each value gets its own row.
    """

    model_config = ConfigDict(extra="forbid")

    methods: list[str] | None = None  # None: all there are
    datasets: list[str] = ["digits"]
    noise: list[str] = ["0", "0.1", "0.2", "0.3"]
    seeds: list[NonNegativeInt] = [0]
    noise_seed: NonNegativeInt | None = None  # None: the run's seed
    preset: str | None = None
    epochs: PositiveInt | None = None
    relabel: list[Literal["on", "off"]] | None = None  # None: each method's default
    relabel_from: PositiveInt | None = None
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.0
    evaluate: Literal["test", "held-out"] = "test"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    set: dict[str, dict[str, Any]] = {}
    pictures: Pictures = Pictures()

    @field_validator("noise", mode="before")
    @classmethod
    def _as_text(cls, noise: Any) -> Any:
        return [str(point) for point in noise] if isinstance(noise, list) else noise

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

    @field_validator("methods", "datasets", "noise", "seeds", "relabel")
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
