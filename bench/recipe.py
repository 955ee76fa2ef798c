"""Settings of a training, the same for every method: recipe and relabelling."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag, field_validator

from bench.options import InnerPart, Part, Positive, PositiveReal, Rate, Real, Whole, Yes, path_of


class Frozen(BaseModel):
    """A model that is immutable and rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Weights(Frozen):
    """Initial weights of a backbone: a checkpoint file, or those that its library publishes.

    Only `source` enters a run's identity: the hash of a file's content, after the full name of
    published weights. It is empty until published weights have been looked up.
    """

    path: str  # of a file; `library` or `library:TAG` for published weights
    source: str

    @property
    def of_library(self) -> bool:
        """Whether the backbone's library publishes them."""
        return _is_of_library(self.path)

    @property
    def tag(self) -> str:
        """What tells published weights from others of the same backbone; empty for the default."""
        return self.path.partition(":")[2]

    @classmethod
    def given(cls, text: str | Path) -> "Weights":
        """Return the weights that a user names.

        Raises:
            ValueError: it is a path, and there is no such file.
        """
        return cls(path=text, source="") if isinstance(text, str) and _is_of_library(text) else cls.of(Path(text))

    @classmethod
    def of(cls, path: Path) -> "Weights":
        """Return the weights in the file at a path.

        Raises:
            ValueError: the file does not exist.
        """
        file_path = path_of(path, "--set recipe.pretrained")
        if not file_path.is_file():
            raise ValueError(f"there is no checkpoint {path}")
        with file_path.open("rb") as file:
            source = hashlib.file_digest(file, "sha256").hexdigest()[:12]
        return cls(path=f"./{path}" if _is_of_library(str(path)) else str(path), source=source)


def _is_of_library(text: str) -> bool:
    return text == "library" or text.startswith("library:")


class StepDecay(Frozen):
    """A learning rate multiplied by `factor` in `first_epoch` (from 1) and every `every` epochs."""

    factor: InnerPart
    first_epoch: Positive
    every: Positive


class Ramp(Frozen):
    """A learning rate that rises linearly to its maximum, then falls linearly; factors of it."""

    start: Rate = 0.2  # in the first step
    rise: Rate = 0.1  # part of the steps in which it rises
    end: Rate = 0.0  # after the last step


def _kind_of_schedule(given: Any) -> str | None:
    if isinstance(given, dict):
        return "Ramp" if set(given) & set(Ramp.model_fields) else "StepDecay"
    return type(given).__name__ if isinstance(given, Ramp | StepDecay) else None


ScheduleTable = Annotated[
    Annotated[Ramp, Tag("Ramp")] | Annotated[StepDecay, Tag("StepDecay")], Discriminator(_kind_of_schedule)
]


class CropAndFlip(Frozen):
    """Augmentation by crops from images with reflected borders, and by mirroring.

    Source: Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024 (arXiv 2404.00498),
    sections 3.1 (reflection) and 3.6 (alternating flips).
    """

    padding: Whole  # in pixels on each side
    # alternating: a random half is mirrored in odd epochs, the other half in even ones.
    flip: Literal["none", "random", "alternating"]


class Lookahead(Frozen):
    """Averaging of weights in training: every few steps they are pulled to their average.

    Source: Zhang et al., Lookahead Optimizer: k steps forward, 1 step back, NeurIPS 2019, with the
    schedule of airbench94: after t of T steps the average keeps decay^every · (t / T)³ of itself.
    """

    every: Positive  # steps
    decay: InnerPart


class Recipe(Frozen):
    """Training settings of a data set, the same for every method.

    A setting that is None is not used, and does not count in a run's identity.
    """

    epochs: Positive = 30
    batch_size: Annotated[int, Field(strict=True, ge=2, lt=2**63)] = 128
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: PositiveReal = 0.1  # the maximum of the schedule
    classifier_learning_rate: PositiveReal | None = None  # of `fc`; None: learning_rate
    momentum: Part = 0.9  # used by SGD only
    nesterov: StrictBool = True
    weight_decay: Real = 5e-4
    bias_rate_factor: PositiveReal | None = None  # of the backbone's normalisation biases; their decay is divided
    first_bias_epochs: Positive | None = None  # epochs that train the bias of the backbone's first layer
    schedule: Literal["one-cycle", "linear", "cosine", "constant"] | ScheduleTable = "one-cycle"
    lookahead: Lookahead | None = None
    dropout: Part | None = None  # default of methods that have it
    augment: CropAndFlip | None = None  # in place of the data set's
    cutout: Positive | None = None  # side in pixels of the square set to 0 in each image
    mirrored_views: Yes | None = None  # evaluates the mirror images of all views, too
    backbone: str = "resnet18"
    pretrained: Weights | None = None  # of the backbone: a path, `library` or `library:TAG`
    relabel_from: Positive = 10  # first epoch with relabelling, counted from 1
    # Size of a fixed random subset to train on; None: all. BatchNorm cannot train on one image.
    train_limit: Annotated[Positive, Field(ge=2)] | None = None

    @property
    def method_defaults(self) -> dict[str, Any]:
        """Defaults of hyper-parameters of the trunk, for the methods that have them."""
        return {} if self.dropout is None else {"dropout": self.dropout}

    @field_validator("pretrained", mode="before")
    @classmethod
    def _hashed(cls, given: Any) -> Any:
        return Weights.given(given) if isinstance(given, str | Path) else given

    @field_validator("backbone")
    @classmethod
    def _named(cls, name: str) -> str:
        return name if ":" in name else name.replace("_", "-")  # as the names of plugins


class Relabel(Frozen):
    """Settings of relabelling; the epoch in which it starts is part of the recipe."""

    fraction: Rate = 0.5  # most uncertain part of a batch; SCN: 0.3 in the paper, 1 in the code
    margin: Rate = 0.2  # minimum of max p − p[label]
    # Which label p[label] is of, and which one a candidate within the margin gets: the current
    # one, as in SCN's code, or the one given at the start, as in its paper's equation 5.
    compare: Literal["current", "original"] = "current"


# What each key is for, as `bench list` shows it.
RECIPE_WORDS = {
    "epochs": "passes over the training set",
    "batch_size": "images in a step",
    "optimizer": "sgd, adam, or adamw, whose weight decay is apart from the gradient",
    "learning_rate": "the maximum of the schedule",
    "classifier_learning_rate": "maximum of the last layer, fc; none: learning_rate",
    "momentum": "of sgd",
    "nesterov": "whether sgd looks ahead",
    "weight_decay": "L2 penalty on the weights",
    "bias_rate_factor": "how much faster biases of the backbone's normalisations learn",
    "first_bias_epochs": "epochs that train the bias of the backbone's first layer",
    "schedule": "one-cycle, linear, cosine, constant, a table of a ramp or of step decay",
    "lookahead": "averaging of weights in training: every (steps), decay",
    "dropout": "default of methods that have it",
    "augment": "crops and flips in place of the data set's: padding (pixels), flip",
    "cutout": "side in pixels of a square set to 0 in each training image",
    "mirrored_views": "evaluate mirror images, too",
    "backbone": "resnet18, airbench94, …, or a family with widths, such as cnn-16-32-64",
    "pretrained": "path of a checkpoint with initial weights of the backbone",
    "relabel_from": "first epoch with relabelling, from 1",
    "train_limit": "size of a fixed random part of the training set to train on; none: all",
}
RELABEL_WORDS = {
    "fraction": "most uncertain part of a batch that may be relabelled",
    "margin": "least max p − p[label] for a new label",
    "compare": "which label that is of: current, or original, the one given at the start",
}
