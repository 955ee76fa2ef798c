"""What a user asks for: flags or a TOML file → a request → the grid of run specifications."""

import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, field_validator

from bench.errors import PluginError, UsageError, one_line, unknown
from bench.hyperparameters import defaults, resolve
from bench.noise import NOISE_KINDS
from bench.registry import Plugin, Registry
from bench.spec import Choice, Frozen, Noise, Recipe, Relabel, RunSpec, validated

PRESETS = Path(__file__).parent / "presets"
EXPERIMENTS = Path(__file__).parent / "experiments"
# Names that --set takes besides the plugins' own.
RESERVED = ("recipe", "relabel")


class BrokenCell(Frozen):
    """A cell of the grid whose plugin cannot be loaded, and why."""

    title: str
    reason: str


Cell = RunSpec | BrokenCell


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
    relabel: Literal["on", "off"] | None = None  # None: each method's default
    relabel_from: PositiveInt | None = None
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.0
    evaluate: Literal["test", "held-out"] = "test"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    set: dict[str, dict[str, Any]] = {}

    @field_validator("noise", mode="before")
    @classmethod
    def _as_text(cls, noise: Any) -> Any:
        return [str(point) for point in noise] if isinstance(noise, list) else noise

    @field_validator("methods", "datasets", "noise", "seeds")
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
    """Return a point of the noise axis from `0.3` (symmetric) or `KIND:RATE`; any kind at rate 0 is no noise.

    Raises:
        UsageError: an unknown kind, or a rate that is no number in 0–1.
    """
    kind, _, rate_text = text.rpartition(":")
    kind = kind or "symmetric"
    if kind not in NOISE_KINDS:
        raise unknown("noise kind", kind, NOISE_KINDS)
    try:
        rate = float(rate_text) + 0.0  # no negative zero
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise UsageError(f"--noise {text}: a rate is a number from 0 to 1, such as 0.3 or pair:0.3")
    return Noise(kind=kind if rate else "symmetric", rate=rate, seed=seed)


def cells(request: Request, registry: Registry) -> list[Cell]:
    """Return the grid, cell by cell; the first seed of everything comes before the second of anything.

    Raises:
        UsageError: an unknown name or an unfit value. A plugin that does not load gives broken cells instead.
    """
    _check_names(request, registry)
    grid: list[Cell] = []
    for dataset_name, seed in product(request.datasets, request.seeds):
        points = [parse_noise(text, _noise_seed(request, seed)) for text in request.noise]
        _check_repeated_points(points)
        for point, method_name in product(points, _method_names(request, registry)):
            title = f"{dataset_name} · {method_name} · noise {point.label} · seed {seed}"
            try:
                grid += _variants(request, registry, dataset_name, method_name, point, seed)
            except UsageError:
                raise
            except Exception as error:  # of a plugin's own, in whatever it declares
                reason = one_line(error) if isinstance(error, PluginError) else f"{method_name}: {one_line(error)}"
                grid.append(BrokenCell(title=title, reason=reason))
    return grid


def _variants(
    request: Request, registry: Registry, dataset_name: str, method_name: str, point: Noise, seed: int
) -> Iterator[RunSpec]:
    """Yield one cell's runs: one for each combination of the method's and relabelling's listed values."""
    dataset, method = registry.find("datasets", dataset_name), registry.find("methods", method_name)
    cls: Any = method.load()
    recipe = resolve_recipe(request, dataset)
    dataset_choice = _choice(dataset, dataset.load(), request.set.get(dataset_name, {}))
    relabels = cls.relabels if request.relabel is None else request.relabel == "on"
    for hyper in _axes(request.set.get(method_name, {})):
        choice = _choice(method, cls, hyper)
        for settings in _axes(request.set.get("relabel", {})) if relabels else [{}]:
            relabel = validated(Relabel, settings, "key of relabel") if relabels else None
            spec = RunSpec(
                dataset=dataset_choice,
                method=choice,
                noise=point,
                relabel=relabel,
                recipe=recipe,
                seed=seed,
                held_out=request.held_out,
                evaluate=request.evaluate,
                device=_device(request),
                precision=_precision(request),
                label=_label(choice, cls, relabel),
            )
            assert spec.identity  # a hyper-parameter that cannot be written down breaks the cell here
            yield spec


def resolve_recipe(request: Request, dataset: Plugin) -> Recipe:
    """Return the recipe: the data set's own, then the preset, then `--set recipe.KEY`, then the flags.

    Where the epochs are changed and the epoch that relabelling starts from is not, the latter moves in proportion.
    """
    own = read_toml(dataset.recipe) if dataset.recipe else {}
    preset = load_preset(request.preset) if request.preset else {}
    flags = {"epochs": request.epochs, "relabel_from": request.relabel_from}
    over = preset | request.set.get("recipe", {}) | {k: v for k, v in flags.items() if v is not None}
    recipe = validated(Recipe, own | over, "key of recipe")
    if "relabel_from" in over:
        return recipe
    published = validated(Recipe, own, "key of recipe")
    start = max(2, round(published.relabel_from * recipe.epochs / published.epochs))
    return recipe.model_copy(update={"relabel_from": start})


def load_preset(name: str) -> dict[str, Any]:
    """Return a preset's changes to the recipe.

    Raises:
        UsageError: there is none of that name.
    """
    path = PRESETS / f"{name}.toml"
    if not path.is_file():
        raise unknown("preset", name, (path.stem for path in PRESETS.glob("*.toml")))
    return read_toml(path)


def _check_names(request: Request, registry: Registry) -> None:
    for name in request.datasets:
        registry.find("datasets", name)
    for name in request.methods or []:
        registry.find("methods", name)
    known = {*RESERVED, *registry.all("methods"), *registry.all("datasets")}
    used = {*RESERVED, *_method_names(request, registry), *request.datasets}
    for name in request.set:
        if name not in known:
            raise unknown("method, data set or section to --set", name, known)
        if name not in used:
            raise UsageError(f"--set {name}.…: {name} is not in this run; it has {', '.join(sorted(used))}")
    if request.evaluate == "held-out" and not request.held_out:
        raise UsageError("--evaluate held-out needs a held-out part: pass --held-out 0.1 as well")


def _check_repeated_points(points: list[Noise]) -> None:
    for k, point in enumerate(points):
        if point in points[:k]:
            raise UsageError(f"--noise: {point.label} is given twice")


def _method_names(request: Request, registry: Registry) -> list[str]:
    return list(registry.all("methods")) if request.methods is None else request.methods


def _noise_seed(request: Request, seed: int) -> int:
    return seed if request.noise_seed is None else request.noise_seed


def _axes(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every combination of the listed values; a value that is no list is an axis of one.

    >>> _axes({"mix": [2, 3], "dimension": 32})
    [{'mix': 2, 'dimension': 32}, {'mix': 3, 'dimension': 32}]
    """
    for key, value in given.items():
        if value == []:
            raise UsageError(f"--set ….{key}=[]: the list is empty, it must hold one value or more")
    axes = [value if isinstance(value, list) else [value] for value in given.values()]
    return [dict(zip(given, values, strict=True)) for values in product(*axes)]


def _choice(plugin: Plugin, cls: type, given: dict[str, Any]) -> Choice:
    return Choice(name=plugin.name, hyperparameters=resolve(plugin.name, cls, given), source=plugin.source)


def _label(choice: Choice, cls: Any, relabel: Relabel | None) -> str:
    """Return a method's row label: `rul`, `rul(mix=3)`, `baseline(relabel=on)`."""
    standard = defaults(cls)
    changed = [f"{k}={v}" for k, v in choice.hyperparameters.items() if k not in standard or standard[k] != v]
    if cls.relabels != (relabel is not None):
        changed.append(f"relabel={'off' if relabel is None else 'on'}")
    if relabel:
        usual = Relabel().model_dump()
        changed += [f"relabel.{k}={v}" for k, v in relabel.model_dump().items() if usual[k] != v]
    return f"{choice.name}({', '.join(changed)})" if changed else choice.name


def _device(request: Request) -> Any:
    if request.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch sees no CUDA device here; pass --device cpu or auto")
    if request.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return request.device


def _precision(request: Request) -> Any:
    """Return bfloat16 where the hardware computes in it."""
    if request.precision != "auto":
        return request.precision
    if _device(request) == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if torch.cpu.get_capabilities().get("avx512_bf16") else "float32"
