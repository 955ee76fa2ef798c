"""One run from its specification to what is stored: data, noise, training, predictions, metrics."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int

from bench.data import label_noise as noise
from bench.data.dataset import DataSet, Split
from bench.data.images import part
from bench.data.splits import random_part
from bench.errors import DataError, Declined, UsageError
from bench.evaluation.human_disagreement import entropy_of_counts
from bench.evaluation.predictions import LabelledPredictions
from bench.execution.provenance import environment, now, peak_memory
from bench.nets.backbones import make_backbone
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Method, Progress, Task
from bench.spec import Noise, RunSpec
from bench.store.assess import assess
from bench.store.outcome import Outcome
from bench.store.record_models import Cost, Environment, NoiseManifest
from bench.training import kept_weights
from bench.training import seeding as generators
from bench.training.batches import Batches
from bench.training.checkpoint import Keeper
from bench.training.divergence import divergence_named
from bench.training.loop import Trainer, TrainingSet
from bench.training.predict import accuracy_on, predict
from bench.training.relabelling import TrainingLabels
from bench.training.tracker import EpochLog
from bench.training.transforms import by_recipe

# Keep the uses of one seed apart from each other.
LIMIT_STREAM, HELD_OUT_STREAM = 1, 2

Places = Int[np.ndarray, " k"]  # of training samples in the data set
OnEpoch = Callable[[Progress, EpochLog], None]


class Prepared(NamedTuple):
    """A run's data after noise and splitting, on the device."""

    train: TrainingSet
    places: Places
    held_out: Split | None  # with given, that is noisy, labels
    manifest: NoiseManifest


def execute(
    spec: RunSpec,
    data: DataSet,
    factory: MethodFactory,
    on_epoch: OnEpoch,
    keeper: Keeper,
    *,
    keep_weights: bool = False,
) -> Outcome:
    """Run one specification on a data set on its device, from its checkpoint if there is one.

    Raises:
        Declined: the method gives a reason not to run this setting.
        PluginError: the method broke the interface.
        DivergedError: the training has diverged, it seems.
        OutOfTime: the keeper's deadline is near; the run is at a checkpoint.
    """
    started = now()
    keeper.begin()
    data = by_recipe(data, spec.recipe)
    prepared = prepare(spec, data)
    generators.seed(spec.seed)
    method = build(spec, data, factory, len(prepared.places), prepared.manifest.realised_rate)
    if keep_weights:
        kept_weights.check(method)  # before the training, not after it
    held_out = prepared.held_out
    evaluated = held_out if held_out and spec.evaluate == "held-out" else data.test
    with divergence_named(method):
        log = train(spec, data, method, prepared, on_epoch, keeper)
        method.finish(
            Batches(data, prepared.train.images, prepared.train.labels.current),
            Batches(data, held_out.images, held_out.labels) if held_out else None,
        )
        trained = keeper.spent
        weights = kept_weights.written(method) if keep_weights else None
        predictions = predictions_of(data, method, prepared, evaluated)
    assessment = assess(*predictions)
    cost = Cost(
        started=started,
        seconds=round(keeper.spent, 3),
        training_seconds=round(trained, 3),
        images_per_second=round(len(prepared.places) * spec.recipe.epochs / trained, 1),
        parameters=sum(p.numel() for p in method.parameters()),
        peak_memory_bytes=peak_memory(spec.device),
    )
    made_with = Environment.model_validate(environment(spec.device))
    classes, epochs = list(data.class_names), pd.DataFrame(log)
    remarks = method.remarks()
    return Outcome(spec, classes, prepared.manifest, epochs, assessment, made_with, cost, remarks, weights=weights)


def prepare(spec: RunSpec, data: DataSet) -> Prepared:
    """Limit the training set, then corrupt its labels, then set its held-out part aside."""
    size, limit = len(data.train.labels), spec.recipe.train_limit
    chosen = random_part(size, limit, 0, LIMIT_STREAM)[0] if limit and limit < size else np.arange(size)
    clean = clean_part(spec.noise, data, chosen)
    true, given = clean.labels, noise.corrupt(clean, spec.noise.kind, spec.noise.rate or 0.0, spec.noise.seed)
    asked = spec.noise.model_dump(mode="json", exclude_none=True)
    manifest = noise.manifest(true, given, clean.num_classes, asked)
    aside, rest = random_part(len(chosen), held_out_size(spec, len(chosen)), spec.seed, HELD_OUT_STREAM)
    device = data.train.images.device
    images = data.train.images if len(rest) == size else part(data.train.images, chosen[rest])
    labels = TrainingLabels.start(*(torch.from_numpy(vector[rest]).to(device) for vector in (true, given)))
    held_out = Split(part(data.train.images, chosen[aside]), torch.from_numpy(given[aside]).to(device))
    train_set = TrainingSet(images, labels, data.augment, data.evaluate)
    return Prepared(
        train_set, chosen[rest], held_out if len(aside) else None, NoiseManifest.model_validate(manifest)
    )


def clean_part(point: Noise, data: DataSet, chosen: Places) -> noise.Clean:
    """Return the chosen training samples, with what a point of the noise axis needs of the data.

    Raises:
        DataError: a label set that it names is not here, or a confused class does not exist.
    """
    confusions, classes = point.confusions or (), len(data.class_names)
    if odd := [pair for pair in confusions if max(pair) >= classes]:
        raise DataError(
            f"--noise {point.kind}: no classes {odd[0]} to confuse, the data set's are 0–{classes - 1}"
        )
    return noise.Clean(
        labels=data.train.labels.cpu().numpy()[chosen],
        num_classes=classes,
        images=lambda places: data.train.images[torch.from_numpy(chosen[places])].cpu().numpy(),
        confusions=confusions,
        label_set=None if point.given_labels is None else data.label_set(point.given_labels)[chosen],
    )


def held_out_size(spec: RunSpec, size: int) -> int:
    """Return how many of so many training images are set aside.

    Raises:
        UsageError: none or all would be.
    """
    held_out = round(spec.held_out * size)
    if spec.held_out and not 1 <= held_out <= size - 2:
        raise UsageError(
            f"--held-out {spec.held_out:g}: sets {held_out} of {size} images aside, must be 1 to {size - 2}"
        )
    return held_out


def build(spec: RunSpec, data: DataSet, factory: MethodFactory, train_size: int, noise_rate: float) -> Method:
    """Return the method, freshly initialised on its device; some methods are told the noise rate.

    Raises:
        Declined: the method gives a reason not to run this setting.
    """
    task = Task(
        num_classes=len(data.class_names),
        image_shape=data.image_shape,
        train_size=train_size,
        epochs=spec.recipe.epochs,
        noise_rate=noise_rate if factory.oracle else None,
    )
    if reason := factory.declines(task):
        raise Declined(reason)
    if factory.needs_held_out and not spec.held_out:
        raise Declined("it needs a held-out part: pass --held-out 0.1")
    dtype = getattr(torch, spec.precision)
    recipe = spec.recipe
    make = partial(make_backbone, recipe.backbone, task.image_shape, dtype, recipe.pretrained, factory.registry)
    method = factory(task, make)
    if spec.device == "mps" and any(
        value.dtype == torch.float64 for value in (*method.parameters(), *method.buffers())
    ):
        raise Declined("it keeps numbers in float64, which Apple's GPU (MPS) lacks: pass --device cpu")
    return method.to(spec.device)


def train(
    spec: RunSpec, data: DataSet, method: Method, prepared: Prepared, on_epoch: OnEpoch, keeper: Keeper
) -> list[EpochLog]:
    """Train to the last epoch and return the log; a test set that is not reported stays unseen."""
    classes = len(data.class_names)
    watched = {"held_out_accuracy": prepared.held_out} if prepared.held_out else {}
    if spec.evaluate == "test":
        watched["test_accuracy"] = data.test
    trainer = Trainer(method, prepared.train, spec.recipe, spec.relabel, spec.seed, classes)
    log = keeper.restore(trainer, watched)
    for number in range(len(log) + 1, spec.recipe.epochs + 1):
        entry = trainer.epoch(number)
        for name, split in watched.items():
            entry[name] = accuracy_on(method, split.images, split.labels, data.evaluate, classes)
        log.append(entry)
        on_epoch(Progress(number, spec.recipe.epochs), entry)
        keeper.epoch_done(trainer, log)
    return log


def predictions_of(
    data: DataSet, method: Method, prepared: Prepared, evaluated: Split
) -> tuple[LabelledPredictions, LabelledPredictions]:
    """Return the predictions on the evaluated and on the training set, with their labels."""
    classes = len(data.class_names)
    test = predict(method, evaluated.images, data.evaluate, classes)
    seen = predict(method, prepared.train.images, data.evaluate, classes, features=False)
    columns = {"label": evaluated.labels.cpu().numpy()}
    if (counts := evaluated.extra.get("human-counts")) is not None:
        columns["human_entropy"] = entropy_of_counts(counts)
    true, given, current = (vector.cpu().numpy() for vector in prepared.train.labels.vectors)
    vectors = {"index": data.places_in_whole(prepared.places), "true": true, "given": given, "current": current}
    return LabelledPredictions(test, columns), LabelledPredictions(seen, vectors)
