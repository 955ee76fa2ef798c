"""Methods of stored runs, trained as they were, from their kept weights; predictions with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from bench.data.dataset import DataSet, Split
from bench.errors import DataError, one_line
from bench.evaluation.human_disagreement import entropy_of_counts
from bench.evaluation.predictions import LabelledPredictions
from bench.execution.context import Context, DataSets
from bench.execution.runner import build, held_out_size, prepare
from bench.plugins.factory import MethodFactory
from bench.plugins.fence import fenced, standard
from bench.plugins.method import Method
from bench.spec import RunSpec
from bench.store.file_sources import WEIGHTS, read_checked
from bench.store.record import Record
from bench.store.record_models import NoiseManifest
from bench.training import kept_weights
from bench.training.predict import predict
from bench.training.transforms import by_recipe


class Trained(NamedTuple):
    """The trained method of a run, on its device, with the run's own data set."""

    record: Record
    spec: RunSpec
    method: Method
    tensors: dict[str, Tensor]  # of the file of weights
    data: DataSet  # as evaluated by the run's recipe

    def on(self, images: Split) -> LabelledPredictions:
        """Return predictions, evaluated as the run evaluates, with labels of the images."""
        split = Split(images.images.to(self.spec.device), images.labels, images.extra)
        with _as_in(self):
            found = predict(self.method, split.images, self.data.evaluate, len(self.data.class_names))
        columns = {"label": split.labels.cpu().numpy()}
        if (counts := split.extra.get("human-counts")) is not None:
            columns["human_entropy"] = entropy_of_counts(counts)
        return LabelledPredictions(found, columns)


def load_trained(record: Record, context: Context) -> Trained:
    """Return the trained method of a run; nothing in its file of weights is executed.

    Raises:
        DataError: the weights are not there, are damaged, or do not fit the method as it is here.
        BenchError: the method or the data set is not here, or cannot be loaded.
    """
    tensors = weights_of(record)
    spec = _here(record)
    data = by_recipe(DataSets(context).get(spec), spec.recipe)
    factory = MethodFactory.of(spec.method.name, spec.method.hyperparameters, context.registry)
    if factory.version != spec.method.version:
        raise DataError(
            f"{record.files} was made by version {spec.method.version} of {spec.method.name}, "
            f"here is {factory.version}; --plugins DIR with the code of then, which the run may hold, helps"
        )
    with fenced(factory.plugin.path, standard):
        method = _built(record, spec, data, factory)
        try:
            kept_weights.fill(method, tensors)
        except DataError as error:
            raise DataError(f"{record.files}, {WEIGHTS}: {error}") from None
    return Trained(record, spec, method, tensors, data)


def weights_of(record: Record) -> dict[str, Tensor]:
    """Return the tensors of a run's file of weights.

    Raises:
        DataError: it is not there, or is not as it was written.
    """
    if WEIGHTS not in record.files.names():
        raise DataError(
            f"{record.files} has no {WEIGHTS}: `bench run --keep-weights` with the same options and --force "
            f"trains it again and stores them"
        )
    try:
        return kept_weights.read(read_checked(record.files, (WEIGHTS,))[WEIGHTS])
    except (DataError, OSError, ValueError) as error:
        raise DataError(f"{record.files}, {WEIGHTS}: {one_line(error)}") from None


def _here(record: Record) -> RunSpec:
    """Return a run's specification, on the CPU where its device is not here."""
    spec = record.spec
    if not isinstance(spec, RunSpec):
        raise DataError(f"{record.files} was trained elsewhere: there are only its predictions")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return spec if there[spec.device] else spec.model_copy(update={"device": "cpu"})


def _built(record: Record, spec: RunSpec, data: DataSet, factory: MethodFactory) -> Method:
    """Return the method, freshly initialised, whatever weights its training began with."""
    manifest = record.manifest
    assert isinstance(manifest, NoiseManifest)  # of every run that was trained here
    bare = spec.model_copy(update={"recipe": spec.recipe.model_copy(update={"pretrained": None})})
    size = manifest.samples - held_out_size(spec, manifest.samples)
    return build(bare, data, factory, size, manifest.realised_rate)


@contextmanager
def _as_in(trained: Trained) -> Iterator[None]:
    """Predict with the threads and random numbers that the run predicted with."""
    threads = torch.get_num_threads()
    device = torch.device(trained.spec.device)
    try:
        torch.set_num_threads(trained.record.environment.threads)
        with kept_weights.generators_of(trained.tensors, device):
            yield
    finally:
        torch.set_num_threads(threads)


def training_part(trained: Trained) -> LabelledPredictions:
    """Return predictions of a run's training images with features, in the stored order."""
    prepared = prepare(trained.spec, trained.data)
    found = trained.on(Split(prepared.train.images, prepared.train.labels.current))
    return LabelledPredictions(found.predictions, {"given": prepared.train.labels.given.cpu().numpy()})
