"""Specifications of runs: frozen, hashable models that determine the outcome of a run."""

import hashlib
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, model_validator

from bench.escaping import NAME, NAME_WORDS
from bench.options import AnySeed, Part, Rate, Whole
from bench.recipe import Frozen, Recipe, Relabel

Confusions = tuple[tuple[int, int], ...]  # (class, class it is confused with)
# Prefix, before the hash of the code, of the version of a plugin that declares none.
IN_FLUX = "code:"
IMPORTED = "imported"  # in labels of rows and names of folders of runs that were trained elsewhere
# Fields of a run that do not count, in the form of pydantic's `exclude`: where files lie (the hash
# of their content counts instead), and what is only shown.
UNHASHED: Any = {
    "label": True,
    "oracle": True,
    "recipe_name": True,
    "dataset": {"location": True},
    "method": {"location": True},
    "noise": {"file": {"path": True, "stem": True}},
    "recipe": {"pretrained": {"path": True}},
}


def _is_name(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise ValueError(f"a name must be {NAME_WORDS}")
    return text


Name = Annotated[str, AfterValidator(_is_name)]


class LabelFile(Frozen):
    """A file of noisy labels; its content and the key count, not where it lies."""

    path: str
    stem: Name  # of the file's name, with signs that a name may have; for tables
    key: Name | None = None  # of the labels, in a file of several arrays
    source: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]  # hash of its content


class Noise(Frozen):
    """One point of the noise axis, and the random seed of the noise."""

    kind: Name
    rate: Rate | None = None  # None: it follows from the label set, measured at run time
    seed: AnySeed
    # Labels given by people, named in place of a rate; empty as long as nobody has named them.
    label_set: Name | Literal[""] | None = None
    file: LabelFile | None = None  # of labels, in place of a rate
    confusions: Confusions | None = None  # of the data set, for kinds of noise that need them
    # What label and slug tell besides, where points of one table differ in nothing else they tell.
    apart: str | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _is_a_point(self) -> "Noise":
        if self.rate is None and self.label_set is None and self.file is None:
            raise ValueError("it has neither a rate nor a label set nor a file")
        return self

    @property
    def given_labels(self) -> str | None:
        """Name of the labels that it takes as they are: of a label set, or as a file has them.

        None where they are drawn.
        """
        return self.label_set if self.file is None else self.name

    @property
    def name(self) -> str:
        """Name of the kind, with where given labels are from.

        `pair`, `human:worse`, `file:STEM`, and `file:STEM:KEY` for a file of several arrays.
        """
        source = [self.label_set] if self.file is None else [self.file.stem, self.file.key]
        return ":".join([self.kind, *(part for part in source if part is not None)])

    @property
    def point(self) -> tuple[str, float | None]:
        """Key of the run's column in tables: (name, rate), the rate None for given labels.

        The name has the content of a file, and confused classes, beside it.
        """
        if self.file is not None:
            return f"{self.kind}:{self.file.source}:{self.file.key or ''}", None
        name = f"{self.name}:{self.confusions_hash}" if self.confusions else self.name
        return name, self.rate if self.label_set is None else None

    @property
    def confusions_hash(self) -> str:
        """Eight hexadecimal digits that tell confused classes from others."""
        return hashlib.sha256(repr(self.confusions).encode()).hexdigest()[:8]

    @property
    def label(self) -> str:
        """Text for tables.

        `30%` for symmetric noise, `pair 30%` for other kinds, `0%` without noise, and `human:worse
        40.2%` for given labels.
        """
        if self.rate is None:
            return self.name
        percent = f"{100 * self.rate:.12g}%" if self.given_labels is None else f"{100 * self.rate:.3g}%"
        apart = f" {self.apart}" if self.apart else ""
        return f"{percent if self.kind == 'symmetric' else f'{self.name} {percent}'}{apart}"

    @property
    def slug(self) -> str:
        """Text for names of files and folders: `symmetric-0.3`, `human-worse`, `file-HASH`.

        A file's is made of its content, as its name is no part of a run's identity.
        """
        if self.file is not None:
            return "-".join(filter(None, [self.kind, self.file.source, self.file.key]))
        return "-".join(filter(None, [self.kind, self.label_set or f"{self.rate:g}", self.apart]))


class Choice(Frozen):
    """A plugin, all its hyper-parameters, and the versions of its code and its files."""

    name: Name
    hyperparameters: dict[str, Any]
    # As declared, or the hash of the code; versions of nested methods follow after a +.
    version: str
    location: dict[str, Any] = Field(default_factory=dict)  # options that locate its files
    content: str | None = None  # hash of the content of those files


class StoredSpec(Frozen):
    """What tells a stored run from others: a training here (`RunSpec`) or an `ImportedSpec`."""

    dataset: Choice
    method: Choice
    noise: Noise
    relabel: Relabel | None = None
    recipe: Recipe | None = None
    recipe_name: str | None = None  # as an experiment names it
    seed: AnySeed
    held_out: Part | None = None
    evaluate: Literal["test", "held-out"]
    # The class of a device; the number of a GPU is no part of a run.
    device: Literal["cpu", "cuda", "mps"] | None = None
    precision: Literal["float32", "bfloat16"] | None = None
    protocol: Whole | None = None  # of the harness; 0: unknown
    # Row of the method in tables: its name and the hyper-parameters that differ from their
    # defaults.
    label: str
    oracle: StrictBool = False  # whether the method gets the true noise rate
    backbone_version: str | None = None  # of a plugin's backbone, as of methods; None for all others

    @cached_property
    def identity(self) -> str:
        """SHA-256 of what counts of the specification, in hex."""
        return hashlib.sha256(json.dumps(self.counting, sort_keys=True).encode()).hexdigest()

    @property
    def counting(self) -> dict[str, Any]:
        """The fields that count, as JSON has them: all but `UNHASHED`.

        Fields that are None are left out, so that optional fields can be added without changing
        existing identities.
        """
        return self.model_dump(mode="json", exclude=UNHASHED, exclude_none=True)

    @property
    def folder(self) -> Path:
        """Human-readable folder of the run, relative to the store."""
        return Path(self.dataset.name, self.method.name, self.noise.slug, f"seed{self.seed}-{self.identity[:8]}")

    @property
    def title(self) -> str:
        """One line that describes the run, for progress and messages."""
        of_recipe = f" · {self.recipe_name}" if self.recipe_name else ""
        part = " · held-out part" if self.evaluate == "held-out" else ""
        return f"{self.dataset.name}{of_recipe} · {self.label} · noise {self.noise.label} · seed {self.seed}{part}"


class RunSpec(StoredSpec):
    """Everything that determines the outcome of one run."""

    relabel: Relabel | None
    recipe: Recipe
    held_out: Part
    device: Literal["cpu", "cuda", "mps"]
    precision: Literal["float32", "bfloat16"]
    protocol: Whole


class ImportedArrays(Frozen):
    """The arrays of an imported run."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # of their names and contents
    uncertainty: Name | None = None  # NAME of `uncertainty_NAME`; None: `uncertainty`, or max-softmax


class ImportedSpec(StoredSpec):
    """A run that was trained elsewhere, of which there are only its predictions.

    Its method has a name and nothing else; how it was trained nobody here knows.
    """

    relabel: None = None
    recipe: None = None
    recipe_name: None = None
    held_out: None = None
    evaluate: Literal["test"] = "test"
    device: None = None
    precision: None = None
    protocol: None = None
    imported: ImportedArrays

    @property
    def folder(self) -> Path:
        """Folder of the run, relative to the store; its name tells that the run is imported."""
        usual = super().folder
        return usual.with_name(f"{IMPORTED}-{usual.name}")
