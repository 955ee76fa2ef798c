"""What manifest.json and record.json hold, as models: frozen, typed, all numbers finite."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_serializer,
    model_validator,
)

from bench.recipe import Rate
from bench.spec import Confusions, LabelFile

ByName = dict[str, float | None]  # None: undefined
ByClass = list[Rate | None]  # None: undefined
Matrix = list[list[NonNegativeInt]]  # of counts by class, square
HASH = "^[0-9a-f]{64}$"
NEEDED_SCORES = ("own", "msp")  # by which every table and curve compares


class Stored(BaseModel):
    """Part of a run's files; its numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def entries(self) -> dict[str, Any]:
        """Return the entries that were given, as JSON has them."""
        return self.model_dump(mode="json", exclude_unset=True)


class Entries(Stored):
    """Entries of which those that no field names are numbers, so a new metric changes nothing here.

    JSON has numbers before nested entries.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | None]

    def get(self, key: str) -> Any:
        """Return an entry, or None where there is none: older code did not write it."""
        return self.__dict__[key] if key in self.__dict__ else self.__pydantic_extra__.get(key)

    @model_serializer(mode="wrap")
    def _numbers_first(self, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        made = handler(self)
        return dict(sorted(made.items(), key=lambda entry: isinstance(entry[1], dict | list)))


class TopK(Entries):
    """Counts among the k most uncertain and the k most certain samples.

    All are None for an undefined score, some where older code did not write them.
    """

    k: PositiveInt | None = None
    uncertain_misclassified: NonNegativeFloat | None = None
    uncertain_tied: NonNegativeInt | None = None
    certain_right: NonNegativeFloat | None = None
    certain_tied: NonNegativeInt | None = None
    certain_classes: list[NonNegativeFloat] | None = None  # by class


class ScoreMetrics(Entries):
    """How well one score ranks errors: a number by the name of each metric."""

    top_k: TopK | None = None


class Metrics(Entries):
    """All metrics of a run: numbers of the classifier by name, the others by score."""

    samples: PositiveInt
    misclassified: NonNegativeInt
    accuracy: Rate
    scores: dict[str, ScoreMetrics]
    noise_detection: dict[str, ByName] = {}
    confusion: Matrix | None = None  # row true class, column predicted class
    class_accuracy: ByClass | None = None
    class_auroc: dict[str, ByClass | None] | None = None  # by score
    class_distances: dict[str, ByName] | None = None
    human_uncertainty: ByName | None = None
    undefined: dict[str, str] = {}  # why metrics are undefined

    @field_validator("scores")
    @classmethod
    def _has_those_needed(cls, scores: dict[str, ScoreMetrics]) -> dict[str, ScoreMetrics]:
        for name in NEEDED_SCORES:
            if name not in scores:
                raise ValueError(f"the score {name} is missing")
        return scores

    @model_validator(mode="after")
    def _counts_fit(self) -> "Metrics":
        if self.misclassified > self.samples:
            raise ValueError(f"{self.misclassified} of {self.samples} samples are misclassified")
        return self

    @property
    def lengths(self) -> set[int]:
        """The numbers of classes that its lists by class have."""
        tops = [score.top_k.certain_classes for score in self.scores.values() if score.top_k]
        matrix = self.confusion or []
        lists = [self.class_accuracy, *(self.class_auroc or {}).values(), *tops]
        return {len(matrix), *map(len, matrix)} - {0} | {len(each) for each in lists if each is not None}


class StatedNoise(Stored):
    """The noise that a run is said to have had; of an import, nothing else may be known of it."""

    kind: str
    rate: float | None = None
    seed: int
    label_set: str | None = None
    file: LabelFile | None = None
    confusions: Confusions | None = None


class NoiseManifest(StatedNoise):
    """What was asked for and what was done to the labels."""

    samples: PositiveInt
    flips: NonNegativeInt
    realised_rate: Rate
    transitions: Matrix  # row true class, column given class; empty for very many classes
    sha256: Annotated[str, Field(pattern=HASH)]  # of the given labels as little-endian int64


class Environment(Stored):
    """What a run was made with."""

    model_config = ConfigDict(extra="allow")

    bench: str
    commit: str | None = None  # `+` behind it: with uncommitted changes
    python: str
    packages: dict[str, str]
    system: str
    processor: str
    threads: int


class Cost(Entries):
    """What a run took; other numbers may be added."""

    started: str  # in UTC, ISO 8601
    seconds: NonNegativeFloat | None  # all of it; None: it was trained elsewhere
    training_seconds: NonNegativeFloat | None = None
    images_per_second: NonNegativeFloat | None = None  # in training
    parameters: NonNegativeInt | None = None
    peak_memory_bytes: NonNegativeInt | None = None

    @field_validator("started")
    @classmethod
    def _is_a_time(cls, started: str) -> str:
        datetime.fromisoformat(started)
        return started


class RunRecord(Stored):
    """The content of record.json."""

    identity: str
    classes: Annotated[list[str], Field(min_length=1)]
    metrics_version: NonNegativeInt  # `VERSION` of the metrics that made the numbers
    metrics: Metrics
    environment: Environment
    cost: Cost
    outcome: str  # hash of labels, log and predictions: the same for the same bits
    remarks: list[str] = []  # of the method, about this training

    @model_validator(mode="after")
    def _fits_its_classes(self) -> "RunRecord":
        if odd := self.metrics.lengths - {len(self.classes)}:
            raise ValueError(f"it has {len(self.classes)} classes, and metrics of {odd.pop()}")
        return self
