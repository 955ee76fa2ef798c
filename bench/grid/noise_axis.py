"""What a data set declares about label noise: the table `[noise]` of the TOML file beside it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from bench.data.label_files import KIND as FILE
from bench.data.label_files import content_of, label_file, labels_of, parsed
from bench.data.label_noise import NOISE_KINDS
from bench.errors import BenchError, UsageError, unknown
from bench.grid.config_files import own_toml
from bench.options import Whole
from bench.plugins.loading import load
from bench.plugins.registry import Plugin, Registry
from bench.recipe import Frozen
from bench.spec import Choice, Confusions, LabelFile, Noise
from bench.validation import validated


class Declared(Frozen):
    """The table's keys."""

    confusions: tuple[tuple[Whole, Whole], ...] = ()  # (class, the class it is mistaken for)
    label_sets: tuple[Annotated[str, Field(pattern="^[a-z0-9-]+$")], ...] = ()  # by people, that it may load

    @field_validator("confusions")
    @classmethod
    def _one_target_each(cls, confusions: Confusions) -> Confusions:
        origins = [origin for origin, _ in confusions]
        if len(set(origins)) < len(origins) or any(origin == target for origin, target in confusions):
            raise ValueError("each class stands first at most once, and beside another class")
        return confusions


def declared_by(dataset: Plugin) -> Declared:
    """Return what a data set declares.

    Raises:
        UsageError: an unknown key, or a value that does not fit.
    """
    return validated(Declared, own_toml(dataset).get("noise", {}), f"key of noise in {dataset.name}.toml")


def resolve_noise(point: Noise, dataset: Plugin) -> Noise:
    """Return a point of the noise axis with what the data set declares for it.

    Raises:
        UsageError: the data set declares nothing of the kind.
    """
    declared = declared_by(dataset)
    if point.label_set is not None:
        _check_label_set(point, dataset.name, declared)
    if not NOISE_KINDS[point.kind].confusions:
        return point
    if not declared.confusions:
        raise UsageError(
            f"--noise {point.kind}: {dataset.name} declares no classes that look alike; "
            f"the TOML file beside a data set may, as confusions = [[2, 7], …] under [noise]"
        )
    return point.model_copy(update={"confusions": declared.confusions})


def _check_label_set(point: Noise, name: str, declared: Declared) -> None:
    if not declared.label_sets:
        raise UsageError(f"--noise {point.name}: {name} has no labels by people")
    if not point.label_set:
        sets = ", ".join(f"{point.kind}:{label_set}" for label_set in declared.label_sets)
        raise UsageError(f"--noise {point.kind}: name the labels, one of {sets}")
    if point.label_set not in declared.label_sets:
        raise unknown(
            f"label set of {name} for --noise {point.kind}:SET", str(point.label_set), declared.label_sets
        )


def parse_noise(text: str, seed: int) -> Noise:
    """Return the noise that a text names.

    It is `0.3` (symmetric), `KIND:RATE`, `human:SET`, `file:PATH` or `file:PATH:KEY`. Any kind at
    rate 0 is no noise.

    Raises:
        UsageError: an unknown kind, a rate that is no number in 0–1, or a file that is not there.
    """
    is_kind = ":" in text or text in NOISE_KINDS
    kind, _, amount = text.partition(":") if is_kind else ("symmetric", "", text)
    if kind not in NOISE_KINDS:
        raise unknown("noise kind", kind, NOISE_KINDS)
    if kind == FILE:
        return Noise(kind=kind, file=label_file(amount), seed=seed)
    if not NOISE_KINDS[kind].rated:
        return validated(Noise, {"kind": kind, "label_set": amount, "seed": seed}, f"part of --noise {kind}:SET")
    try:
        rate = float(amount) + 0.0  # no negative zero
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        right = f"{kind}:0.3" if is_kind else "0.3 or pair:0.3"
        raise UsageError(f"--noise {text}: a rate is a number from 0 to 1, such as {right}")
    return Noise(kind=kind if rate else "symmetric", rate=rate, seed=seed)


def check_label_files(files: Iterable[LabelFile], dataset: Choice, registry: Registry, data_root: Path) -> None:
    """Check that files of labels fit a data set, before anything is trained.

    Where the data set is not here, only the files are: each run checks both again.

    Args:
        files: of labels.
        dataset: what they are for.
        registry: in which the data set is looked up.
        data_root: folder of the data sets.

    Raises:
        UsageError: a file is damaged, or does not fit.
    """
    contents = {file: content_of(file) for file in files}
    for file, content in contents.items():
        parsed(file, content)
    if not contents:
        return
    try:
        data = load(dataset, registry, data_root, download=False)
    except BenchError:
        return
    for file, content in contents.items():
        labels_of(file, content, data)
