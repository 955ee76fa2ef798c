"""What a user asks for: flags or a TOML file → a request, with its noise axis and its recipe resolved."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, field_validator

from bench.errors import UsageError, unknown
from bench.noise import NOISE_KINDS
from bench.registry import Plugin, plugin_name
from bench.spec import Noise, Pictures, Recipe, validated

PRESETS = Path(__file__).parent / "presets"
EXPERIMENTS = Path(__file__).parent / "experiments"


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


def load_experiment(name: str) -> dict[str, Any]:
    """Return the content of an experiment's TOML file, by the name of one that ships or by its path.

    Raises:
        UsageError: there is none of that name, or the file is not TOML.
    """
    path = Path(name) if name.endswith(".toml") else EXPERIMENTS / f"{name}.toml"
    if not path.is_file():
        if name.endswith(".toml"):
            raise UsageError(f"--experiment {name}: there is no such file")
        raise unknown("experiment", name, (path.stem for path in EXPERIMENTS.glob("*.toml")))
    return read_toml(path)


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content.

    Raises:
        UsageError: the file is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from None


def parse_noise(text: str, seed: int) -> Noise:
    """Return a point of the noise axis from `0.3` (symmetric), `KIND:RATE` or, for labels by people, `KIND:SET`.

    Any kind at rate 0 is no noise.

    Raises:
        UsageError: an unknown kind, or a rate that is no number in 0–1.
    """
    is_kind = ":" in text or text in NOISE_KINDS
    kind, _, amount = text.partition(":") if is_kind else ("symmetric", "", text)
    if kind not in NOISE_KINDS:
        raise unknown("noise kind", kind, NOISE_KINDS)
    if not NOISE_KINDS[kind].rated:
        return Noise(kind=kind, label_set=amount, seed=seed)
    try:
        rate = float(amount) + 0.0  # no negative zero
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        right = f"{kind}:0.3" if is_kind else "0.3 or pair:0.3"
        raise UsageError(f"--noise {text}: a rate is a number from 0 to 1, such as {right}")
    return Noise(kind=kind if rate else "symmetric", rate=rate, seed=seed)


def resolve_recipe(request: Request, dataset: Plugin) -> Recipe:
    """Return the recipe: the data set's own, then the preset, then `--set recipe.KEY`, then the flags.

    Where the epochs are changed and the epoch that relabelling starts from is not, the latter moves in proportion.
    """
    own = own_recipe(dataset)
    preset = load_preset(request.preset) if request.preset else {}
    flags = {"epochs": request.epochs, "relabel_from": request.relabel_from}
    over = preset | request.set.get("recipe", {}) | {k: v for k, v in flags.items() if v is not None}
    recipe = validated(Recipe, own | over, "key of recipe")
    if "relabel_from" in over:
        return recipe
    published = validated(Recipe, own, "key of recipe")
    start = max(2, round(published.relabel_from * recipe.epochs / published.epochs))
    return recipe.model_copy(update={"relabel_from": start})


def own_recipe(dataset: Plugin) -> dict[str, Any]:
    """Return the recipe in the TOML file beside a data set."""
    return {key: value for key, value in own_toml(dataset).items() if key != "noise"}


def own_toml(dataset: Plugin) -> dict[str, Any]:
    """Return what the TOML file beside a data set holds: its recipe, and a table `noise` (`bench.declared`)."""
    return read_toml(dataset.recipe) if dataset.recipe else {}


def load_preset(name: str) -> dict[str, Any]:
    """Return a preset's changes to the recipe.

    Raises:
        UsageError: there is none of that name.
    """
    path = PRESETS / f"{name}.toml"
    if not path.is_file():
        raise unknown("preset", name, (path.stem for path in PRESETS.glob("*.toml")))
    return read_toml(path)
