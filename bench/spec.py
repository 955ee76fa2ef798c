"""What is run: frozen, hashable specifications, from which one run's outcome follows."""

import hashlib
import json
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from bench.errors import UsageError, unknown
from bench.options import Commas, Count, option

Confusions = tuple[tuple[int, int], ...]  # (class, the class it is mistaken for)
Rate = Annotated[float, Field(ge=0, le=1)]
IN_FLUX = "code:"  # begins the version of a plugin that declares none, before the hash of its code


class Frozen(BaseModel):
    """Immutable, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Weights(Frozen):
    """A file of weights and the hash of its content, which alone counts for a run's identity."""

    path: str
    source: str

    @classmethod
    def of(cls, path: Path) -> "Weights":
        """Return the weights at a path; a ValueError says that there are none."""
        if not path.expanduser().is_file():
            raise ValueError(f"there is no checkpoint {path}")
        with path.expanduser().open("rb") as file:
            return cls(path=str(path), source=hashlib.file_digest(file, "sha256").hexdigest()[:12])


class StepDecay(Frozen):
    """A learning rate that is multiplied by a factor in one epoch, counted from 1, and again every so many."""

    factor: Annotated[float, Field(gt=0, lt=1)]
    first_epoch: PositiveInt
    every: PositiveInt


class Recipe(Frozen):
    """How a data set is trained on, the same for every method."""

    epochs: PositiveInt = 30
    batch_size: Annotated[int, Field(ge=2)] = 128
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: PositiveFloat = 0.1  # the highest of the schedule
    classifier_learning_rate: PositiveFloat | None = None  # of the parameters named `fc`; None: as the others
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9  # of SGD
    nesterov: bool = True
    weight_decay: NonNegativeFloat = 5e-4
    schedule: Literal["one-cycle", "linear", "cosine", "constant"] | StepDecay = "one-cycle"
    cutout: PositiveInt | None = None  # side, in pixels, of a square set to 0 in each training image
    backbone: str = "resnet18"
    pretrained: Weights | None = None  # the backbone's first weights; a path is enough
    relabel_from: PositiveInt = 10  # first epoch that relabels, counted from 1
    train_limit: PositiveInt | None = None  # a fixed random part of the training set of this size

    @field_validator("pretrained", mode="before")
    @classmethod
    def _hashed(cls, given: Any) -> Any:
        return Weights.of(Path(given)) if isinstance(given, str | Path) else given


class Relabel(Frozen):
    """Settings of relabelling; the epoch it starts from is the recipe's."""

    fraction: Rate = 0.5  # of a batch, the most uncertain; 0.3 in SCN's paper, 1 in SCN's code
    margin: Rate = 0.2  # by which max p must exceed p[label]
    compare: Literal["current", "given"] = "current"  # the label whose probability is compared


class Noise(Frozen):
    """One point of the noise axis, and the seed it is drawn with."""

    kind: str
    rate: Rate | None = None  # None: it is what the label set turns out to have
    seed: NonNegativeInt
    label_set: str | None = None  # by people, in place of a rate
    confusions: Confusions | None = None  # those of the data set, for kinds that need them

    @model_validator(mode="after")
    def _is_a_point(self) -> "Noise":
        if self.rate is None and self.label_set is None:
            raise ValueError("it has neither a rate nor a label set")
        return self

    @property
    def name(self) -> str:
        """The kind, with its label set where it has one: `pair`, `human:worse`."""
        return self.kind if self.label_set is None else f"{self.kind}:{self.label_set}"

    @property
    def point(self) -> tuple[str, float | None]:
        """What runs of one column have in common."""
        return self.name, self.rate if self.label_set is None else None

    @property
    def label(self) -> str:
        """For tables: `30%` for symmetric noise, `pair 30%` for others, `0%` for none; `human:worse 40.2%`."""
        if self.rate is None:
            return self.name
        percent = f"{100 * self.rate:g}%" if self.label_set is None else f"{100 * self.rate:.3g}%"
        return percent if self.kind == "symmetric" else f"{self.name} {percent}"

    @property
    def slug(self) -> str:
        """For names of files and folders: `symmetric-0.3`, `human-worse`."""
        return f"{self.kind}-{self.label_set or f'{self.rate:g}'}"


class Choice(Frozen):
    """A plugin with all its hyper-parameters, and what tells its code and its files."""

    name: str
    hyperparameters: dict[str, Any]
    version: str  # as declared, and after a + those of methods inside it; the code's hash where none is declared
    location: dict[str, Any] = {}  # options that say where its files lie; not hashed
    content: str | None = None  # hash of those files


class RunSpec(Frozen):
    """Everything that determines the outcome of one run."""

    dataset: Choice
    method: Choice
    noise: Noise
    relabel: Relabel | None
    recipe: Recipe
    seed: NonNegativeInt
    held_out: Annotated[float, Field(ge=0, lt=1)]
    evaluate: Literal["test", "held-out"]
    device: Literal["cpu", "cuda"]
    precision: Literal["float32", "bfloat16"]
    protocol: NonNegativeInt  # of the harness; 0: of code that is not known
    label: str  # the method's row in tables: its name and what differs from its defaults; not hashed
    oracle: bool = False  # whether the method is told the true noise rate; not hashed

    @cached_property
    def identity(self) -> str:
        """SHA-256 of the specification, in hex; what is None is left out, so that optional keys can be added."""
        unhashed: Any = {
            "label": True,
            "oracle": True,
            "dataset": {"location"},
            "method": {"location"},
            "recipe": {"pretrained": {"path"}},
        }
        content = self.model_dump(mode="json", exclude=unhashed, exclude_none=True)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def folder(self) -> Path:
        """Where the run is stored, relative to the store, readable by eye."""
        return Path(self.dataset.name, self.method.name, self.noise.slug, f"seed{self.seed}-{self.identity[:8]}")

    @property
    def title(self) -> str:
        """One line for progress and messages."""
        return f"{self.dataset.name} · {self.label} · noise {self.noise.label} · seed {self.seed}"


class BrokenCell(Frozen):
    """A cell of the grid whose plugin cannot be loaded, and why."""

    title: str
    reason: str


Cell = RunSpec | BrokenCell


class CellState(StrEnum):
    """What becomes of a cell of a grid; the values are the words that users see."""

    # before it is run
    TO_RUN = "to run"
    CANNOT_RUN = "cannot run"  # a rehearsal of it failed
    LEFT = "left"  # asked for, and not begun
    # while it is run
    RUNNING = "running"
    INTERRUPTED = "interrupted"  # goes on from its checkpoint, if there is one
    CLAIMED = "claimed"  # another process works on it
    # how it ended
    DONE = "done"
    FINISHED = "finished"  # before; it is not run again
    DECLINED = "declined"  # by the method, with a reason
    FAILED = "failed"
    STOPPED = "stopped"  # out of time, at a checkpoint or not begun
    STARVED = "starved"  # out of memory; tried again with fewer runs beside it


PICTURES = "Pictures of samples"


class Pictures(Frozen):
    """Pictures that are drawn only when asked for: they need predictions, and time."""

    figures: Annotated[list[Literal["images", "features"]], Commas] = option(
        [], "Pictures to draw besides the report's: images, features or both.", PICTURES, "NAME,…", unset="none"
    )
    top: Count | None = option(
        None, "Images in each grid.", PICTURES, "N", unset="a tenth of the test set, at most 100"
    )
    score: Literal["own", "msp", "entropy", "margin", "energy"] = option(
        "own",
        "The score by which images are certain or uncertain: own, msp, entropy, margin or energy.",
        PICTURES,
        "NAME",
    )


Model = TypeVar("Model", bound=BaseModel)


def validated(cls: type[Model], content: dict[str, Any], kind: str) -> Model:
    """Return a model of the content; `kind` says what a key of it is, for the message.

    Raises:
        UsageError: an unknown key or an unfit value.
    """
    try:
        return cls.model_validate(content)
    except ValidationError as error:
        raise UsageError(_say(error, cls, kind)) from None


def _say(error: ValidationError, cls: type[BaseModel], kind: str) -> str:
    """Return the first complaint of a validation as one line."""
    details = error.errors()
    detail = max(details, key=lambda each: len(each["loc"]) if each["loc"][:1] == details[0]["loc"][:1] else 0)
    where = detail["loc"]
    if detail["type"] == "extra_forbidden" and len(where) == 1:
        return str(unknown(kind, str(where[0]), cls.model_fields))
    keys = [key for key in where if isinstance(key, str) and key.isidentifier() and key.islower()]
    name = ".".join(keys).replace("_", "-") or kind
    reason = detail["msg"].removeprefix("Value error, ")
    return f"{name}: {reason[0].lower()}{reason[1:]}, got {detail['input']!r}"
