"""What manifest.json and record.json hold, as models: frozen, typed, all numbers finite."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_serializer

from bench.spec import Confusions

ByName = dict[str, float | None]  # None: undefined


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

    k: int | None = None
    uncertain_misclassified: float | None = None
    uncertain_tied: int | None = None
    certain_right: float | None = None
    certain_tied: int | None = None
    certain_classes: list[float] | None = None  # by class


class ScoreMetrics(Entries):
    """How well one score ranks errors: a number by the name of each metric."""

    top_k: TopK | None = None


class Metrics(Entries):
    """All metrics of a run: numbers of the classifier by name, the others by score."""

    samples: int
    misclassified: int
    accuracy: float
    scores: dict[str, ScoreMetrics]
    noise_detection: dict[str, ByName] = {}
    confusion: list[list[int]] | None = None  # row true class, column predicted class
    class_distances: dict[str, ByName] | None = None
    human_uncertainty: ByName | None = None
    undefined: dict[str, str] = {}  # why metrics are undefined

    @field_validator("scores")
    @classmethod
    def _has_own(cls, scores: dict[str, ScoreMetrics]) -> dict[str, ScoreMetrics]:
        if "own" not in scores:
            raise ValueError("the method's own score is missing")
        return scores


class NoiseManifest(Stored):
    """What was asked for and what was done to the labels."""

    kind: str
    rate: float | None = None
    seed: int
    label_set: str | None = None
    confusions: Confusions | None = None
    samples: int
    flips: int
    realised_rate: float
    transitions: list[list[int]]  # row true class, column given class
    sha256: str  # of the given labels as little-endian int64


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
    seconds: float  # all of it
    training_seconds: float | None = None
    images_per_second: float | None = None  # in training
    parameters: int | None = None
    peak_memory_bytes: int | None = None


class RunRecord(Stored):
    """The content of record.json."""

    identity: str
    classes: list[str]
    metrics_version: int  # `VERSION` of the metrics that made the numbers
    metrics: Metrics
    environment: Environment
    cost: Cost
    outcome: str  # hash of labels, log and predictions: the same for the same bits
    remarks: list[str] = []  # of the method, about this training
