"""The grid: a request → its cells, one run specification each."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.data.dataset import Source
from bench.errors import BenchError, Note, UsageError, one_line, unknown
from bench.grid.cell_state import BrokenCell, Cell
from bench.grid.devices import device_class, require_device
from bench.grid.noise_axis import check_label_files, parse_noise, resolve_noise
from bench.grid.recipe_resolution import chosen_recipes, resolve_recipe
from bench.grid.request import Request
from bench.nets.backbones import find_backbone
from bench.nets.library_weights import resolved
from bench.nets.precision import cpu_has_bfloat16
from bench.plugins.dataset_options import resolve_options, split_imbalance
from bench.plugins.factory import MethodFactory
from bench.plugins.registry import Plugin, Registry
from bench.recipe import Recipe, Relabel
from bench.spec import Choice, Noise, RunSpec
from bench.validation import validated
from bench.version import PROTOCOL

# Names that --set takes besides the plugins' own.
RESERVED = ("recipe", "relabel")


class Setting(NamedTuple):
    """What all runs of a request on one data set have in common."""

    dataset: Choice
    recipe: Recipe
    recipe_name: str | None
    backbone_version: str | None


def cells(request: Request, registry: Registry, data_root: Path) -> list[Cell]:
    """Return the cells of the grid, all of the first seed before any of the second.

    Args:
        request: what a user asks for.
        registry: where methods and data sets are found.
        data_root: where data sets lie, for those whose files tell one run from another.

    Raises:
        UsageError: a name is unknown or a value does not fit. A plugin that does not load gives
            broken cells instead.
    """
    _check_names(request, registry)
    setting_of = cache(partial(_setting, request, registry, data_root))
    grid: list[Cell] = []
    recipes = chosen_recipes(request)
    for dataset_name, seed, recipe_name in product(request.datasets, request.seeds, recipes):
        _check_equal_recipes(request, registry.find("datasets", dataset_name), recipes)
        points = _points(request, registry.find("datasets", dataset_name), seed)
        _check_repeated_points(points)
        for point, method_name in product(points, _method_names(request, registry)):
            title = f"{dataset_name} · {method_name} · noise {point.label} · seed {seed}"
            try:
                setting = setting_of(dataset_name, recipe_name)
                grid += _distinct(_variants(request, registry, setting, method_name, point, seed))
            except UsageError:
                raise
            except Exception as error:  # of a plugin's own, in whatever it declares
                is_ours = isinstance(error, BenchError)
                reason = one_line(error) if is_ours else f"{method_name}: {one_line(error)}"
                grid.append(BrokenCell(title=title, reason=reason))
    return grid


def _check_equal_recipes(request: Request, dataset: Plugin, names: list[str | None]) -> None:
    found: dict[Recipe, str | None] = {}
    for name in names:
        recipe = resolve_recipe(request, dataset, name)
        if recipe in found:
            raise UsageError(
                f"--recipe: {found[recipe]} and {name} are the same on {dataset.name}; pass one of them"
            )
        found[recipe] = name


def _setting(request: Request, registry: Registry, data_root: Path, name: str, recipe_name: str | None) -> Setting:
    plugin = registry.find("datasets", name)
    recipe = resolve_recipe(request, plugin, recipe_name)
    backbone = find_backbone(recipe.backbone, registry)
    recipe = recipe.model_copy(update={"pretrained": resolved(backbone, recipe.pretrained)})
    choice = dataset_choice(plugin, request.set.get(name, {}), data_root)
    files = [point.file for point in _points(request, plugin, seed=0) if point.file]
    check_label_files(files, choice, registry, data_root)
    return Setting(choice, recipe, recipe_name, backbone.version)


def dataset_choice(plugin: Plugin, given: dict[str, Any], data_root: Path) -> Choice:
    """Return a data set with all its options; remarks on its files are told.

    Args:
        plugin: of the data set.
        given: options that a user sets.
        data_root: where data sets lie, for those whose files tell one run from another.

    Raises:
        BenchError: an option is unknown or its value does not fit, or such files are missing.
    """
    source: type[Source] = plugin.load()
    options = resolve_options(plugin.name, source, given)
    location = {key: options.pop(key) for key in source.located_by}
    made = source(**split_imbalance(source, options)[0], **location)
    content = made.content(data_root)
    _tell_notes(made, data_root)
    return Choice(
        name=plugin.name, hyperparameters=options, version=plugin.version, location=location, content=content
    )


def _tell_notes(source: Source, data_root: Path) -> None:
    with suppress(BenchError):  # files that are missing matter only to a run that reads them
        for note in source.notes(data_root):
            warnings.warn(note, Note, stacklevel=2)


def _variants(
    request: Request, registry: Registry, setting: Setting, method_name: str, point: Noise, seed: int
) -> Iterator[RunSpec]:
    """Yield one run for each combination of listed hyper-parameters and relabelling."""
    factories = [
        MethodFactory.resolve(method_name, given, registry, of_recipe=setting.recipe.method_defaults)
        for given in _axes(request.set.get(method_name, {}))
    ]
    for factory, relabel in [(each, way) for each in factories for way in _relabellings(request, each.relabels)]:
        spec = RunSpec(
            dataset=setting.dataset,
            method=Choice(name=method_name, hyperparameters=factory.values, version=factory.version),
            noise=point,
            relabel=relabel,
            recipe=setting.recipe,
            recipe_name=setting.recipe_name,
            seed=seed,
            held_out=request.held_out,
            evaluate=request.evaluate,
            device=device_class(request.device),
            precision=_precision(request),
            protocol=PROTOCOL,
            label=_label(factory, relabel),
            oracle=bool(factory.oracle),
            backbone_version=setting.backbone_version,
        )
        assert spec.identity  # a hyper-parameter that cannot be written down breaks the cell here
        yield spec


def _distinct(variants: Iterable[RunSpec]) -> Iterator[RunSpec]:
    """Yield a method's runs at one noise and seed.

    Raises:
        UsageError: two are the same run: a value in a list of --set is there twice.
    """
    labels: dict[str, str] = {}
    for spec in variants:
        if spec.identity in labels:
            raise UsageError(f"--set: two values of a list are the same run, {labels[spec.identity]}")
        labels[spec.identity] = spec.label
        yield spec


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


def _points(request: Request, dataset: Plugin, seed: int) -> list[Noise]:
    return [resolve_noise(parse_noise(text, _noise_seed(request, seed)), dataset) for text in request.noise]


def _check_repeated_points(points: list[Noise]) -> None:
    for k, point in enumerate(points):
        if point.point in [each.point for each in points[:k]]:
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


def _relabellings(request: Request, default: bool) -> list[Relabel | None]:
    """Return the settings of relabelling that a method runs with; None is not to relabel."""
    given = [validated(Relabel, values, "key of relabel") for values in _axes(request.set.get("relabel", {}))]
    wanted = request.relabel or ["on" if default else "off"]
    return [relabel for way in wanted for relabel in (given if way == "on" else [None])]


def _label(factory: MethodFactory, relabel: Relabel | None) -> str:
    """Return a row label: the method, in brackets what differs from its defaults.

    `rul`, `rul(mix=3)`, `baseline(relabel=on)`, `twice(inner=rul, inner.mix=3)`.
    """
    changed = [f"{key}={value}" for key, value in factory.changed.items()]
    if factory.relabels != (relabel is not None):
        changed.append(f"relabel={'off' if relabel is None else 'on'}")
    if relabel:
        usual = Relabel().model_dump()
        changed += [f"relabel.{k}={v}" for k, v in relabel.model_dump().items() if usual[k] != v]
    return f"{factory.name}({', '.join(changed)})" if changed else factory.name


def _precision(request: Request) -> Any:
    """Return bfloat16 where the hardware computes in it."""
    if request.precision != "auto":
        return request.precision
    kind = device_class(request.device)
    if kind == "cuda":
        require_device(kind, otherwise=", or --precision as well if other machines run the runs")
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if kind == "mps":
        return "float32"
    return "bfloat16" if cpu_has_bfloat16() else "float32"
