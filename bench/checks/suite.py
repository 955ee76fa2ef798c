"""Which checks apply to a plugin, and how to run them from the command line or with pytest."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bench.checks.backbone_bed import BackboneBed, NamedBackbone
from bench.checks.backbone_interface import BASIC as BASIC_BACKBONES
from bench.checks.backbone_interface import CHECKS as OF_BACKBONES
from bench.checks.dataset_bed import DataSetBed
from bench.checks.dataset_interface import BASIC as BASIC_DATA
from bench.checks.dataset_interface import CHECKS as OF_DATA_SETS
from bench.checks.method_bed import MethodBed
from bench.checks.method_behaviour import CHECKS as TRAINED
from bench.checks.method_interface import BASIC as BASIC_CONTRACT
from bench.checks.method_interface import CHECKS as CONTRACT
from bench.checks.method_interface import check_true_labels_do_not_matter
from bench.checks.outcomes import CheckNoted, CheckSkipped
from bench.checks.score_bed import ScoreBed
from bench.checks.score_interface import BASIC as BASIC_SCORES
from bench.checks.score_interface import CHECKS as OF_SCORES
from bench.checks.waivers import title, waivers_of
from bench.data.data_root import find_data_root
from bench.errors import UsageError, one_line, place, unknown
from bench.nets.backbone_names import DESCRIBED
from bench.nets.backbones import find_backbone, is_built_in
from bench.plugins.registry import SINGULAR, Plugin, Registry, plugin_name

Check = Callable[[Any], None]  # takes a test bed
CHECKS: dict[str, tuple[Check, ...]] = {
    "methods": (*CONTRACT, *TRAINED),
    "datasets": OF_DATA_SETS,
    "backbones": OF_BACKBONES,
    "scores": OF_SCORES,
}
BASIC = {*BASIC_CONTRACT, *BASIC_DATA, *BASIC_BACKBONES, *BASIC_SCORES}
NOT_WAIVED = {*BASIC, check_true_labels_do_not_matter}  # without these no result means anything
Bed = MethodBed | DataSetBed | BackboneBed | ScoreBed
Subject = Plugin | NamedBackbone
Status = Literal["pass", "note", "fail", "skip", "waived"]


class Result(NamedTuple):
    """Outcome of one check of a plugin."""

    check: str  # such as `learns digits`
    status: Status
    reason: str  # one line; empty if it passed


def find_plugin(target: str | Path, registry: Registry) -> Subject:
    """Return a plugin by name or by the path of its file, or a backbone by name.

    Raises:
        UsageError: nothing has this name, or the path is not a file in `methods/`, `datasets/`,
            `backbones/` or `scores/`.
    """
    path = Path(target)
    if path.suffix == ".py":
        return _at(path)
    name = plugin_name(str(target))
    for kind in SINGULAR:
        if name in registry.all(kind):
            if kind == "backbones":
                find_backbone(name, registry)  # refuses the name of a built-in one
            return registry.find(kind, name)
    if ":" in name or is_built_in(name):
        return NamedBackbone(str(target) if ":" in name else name)
    known = [name for kind in SINGULAR for name in registry.all(kind)]
    raise unknown("method, data set, backbone or score", str(target), [*known, *DESCRIBED])


def _at(path: Path) -> Plugin:
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    for kind in SINGULAR:
        if path.resolve().parent.name == kind:
            return Plugin(kind, plugin_name(path.stem), path.resolve())
    raise UsageError(f"{path}: a plugin's file lies in a folder named methods, datasets, backbones or scores")


def checks_for(plugin: Subject) -> tuple[Check, ...]:
    """Return the checks of a plugin's kind."""
    return CHECKS[plugin.kind]


def run_checks(
    plugin: Subject,
    settings: Mapping[str, Any] | None = None,
    data_root: Path | None = None,
    recipe: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
) -> Iterator[Result]:
    """Yield the result of each check as soon as it is known.

    Args:
        plugin: to check.
        settings: its hyper-parameters; defaults for the others.
        data_root: folder of the data sets; None: $BENCH_DATA, else `data`.
        recipe: changes to the recipe that a method is trained with, such as its backbone.
        registry: where the recipe's backbone is found; None: beside the method.

    Raises:
        PluginError: the plugin does not load, or waives a check that is unknown or must not be
            waived, or without a reason.
        UsageError: a hyper-parameter is unknown, or a value is invalid.
    """
    plugin.load()
    bed = _bed(plugin, settings or {}, data_root, recipe, registry)
    bed.check_settings()
    waivers = _waivers(plugin)
    for check in checks_for(plugin):
        yield Result(title(check), *_outcome(check, bed, waivers.get(title(check))))


def _waivers(plugin: Subject) -> dict[str, str]:
    if isinstance(plugin, NamedBackbone):
        return {}
    checks = checks_for(plugin)
    return waivers_of(plugin, map(title, checks), {title(check) for check in checks if check in NOT_WAIVED})


def _bed(
    plugin: Subject,
    settings: Mapping[str, Any],
    data_root: Path | None,
    recipe: Mapping[str, Any] | None = None,
    registry: Registry | None = None,
) -> Bed:
    if isinstance(plugin, NamedBackbone) or plugin.kind == "backbones":
        return BackboneBed(plugin, settings)
    if plugin.kind == "methods":
        return MethodBed(plugin, settings, recipe or {}, registry)
    if plugin.kind == "scores":
        return ScoreBed(plugin, settings)
    return DataSetBed(plugin, settings, find_data_root(data_root))


def _outcome(check: Check, bed: Bed, waiver: str | None) -> tuple[Status, str]:
    status, reason = _found(check, bed)
    if waiver is None or status == "skip":
        return status, reason
    return ("waived", waiver) if status == "fail" else ("note", _needless(waiver))


def _needless(waiver: str) -> str:
    return f"waived ({waiver}), but the plugin passes it: take it out of waived_checks"


def _found(check: Check, bed: Bed) -> tuple[Status, str]:
    try:
        _make(check, bed)
    except CheckNoted as noted:
        return "note", str(noted)
    except CheckSkipped as skipped:
        return "skip", str(skipped)
    except Exception as error:  # any exception of a plugin is a failed check
        return "fail", f"{one_line(error)}{place(error.__cause__ or error, bed.plugin.path)}"
    return "pass", ""


def _make(check: Check, bed: Bed) -> None:
    """Run a check, unless a basic check has failed on this bed.

    After such a failure the other checks would only repeat it.
    """
    if bed.broken:
        raise CheckSkipped(f"fix first: {bed.broken}")
    try:
        check(bed)
    except (CheckNoted, CheckSkipped):
        raise
    except Exception:
        bed.broken = title(check) if check in BASIC else ""
        raise


def parametrize_with_checks(plugins: Iterable[str | Path], folders: Iterable[Path] = ()) -> Any:
    """Return a pytest mark that runs a test of `plugin` and `check` for each plugin and check.

    Args:
        plugins: names of plugins, or paths of their files.
        folders: additional folders in which names are looked up, as with `--plugins`.
    """
    import pytest

    registry = Registry(folders)
    found = [find_plugin(target, registry) for target in plugins]
    pairs = [(plugin, check) for plugin in found for check in checks_for(plugin)]
    cases = [
        pytest.param(plugin, _under_pytest(check), id=f"{plugin.name}-{check.__name__}") for plugin, check in pairs
    ]
    return pytest.mark.parametrize(("plugin", "check"), cases)


@cache
def _shared_bed(plugin: Subject) -> Bed:
    """Return a plugin's test bed, shared by all checks because training takes most of the time."""
    return _bed(plugin, {}, None)


def _under_pytest(check: Check) -> Callable[[Subject], None]:
    """Return the check as a test: a waived one is expected to fail, and warns if it does not."""
    import pytest

    @wraps(check)
    def run(plugin: Subject) -> None:
        waiver = _waivers(plugin).get(title(check))
        try:
            _make(check, _shared_bed(plugin))
        except CheckNoted:
            pass
        except CheckSkipped as skipped:
            pytest.skip(str(skipped))
        except Exception:
            if waiver is None:
                raise
            pytest.xfail(waiver)
        if waiver is not None:
            warnings.warn(f"{plugin.name}: {title(check)}: {_needless(waiver)}", stacklevel=2)

    return run
