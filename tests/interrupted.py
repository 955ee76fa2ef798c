"""Trainings that tests stop and let go on from their checkpoint."""

from harness import PLUGINS, spec

from bench.execution.runner import execute
from bench.plugins.factory import MethodFactory
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.training.checkpoint import Keeper

EPOCHS = 4
STEPS = {"factor": 0.5, "first_epoch": 2, "every": 2}
REGISTRY = Registry([PLUGINS])


def digits(method, recipe=None, **hyperparameters):
    """A short training on digits that relabels from its second epoch, with dropout in the net."""
    recipe = {"train_limit": 150, "batch_size": 32, "backbone": "cnn-16-32-64"} | (recipe or {})
    hyperparameters = {"dimension": 8, "dropout": 0.25} | hyperparameters
    return spec(
        methods=[method],
        datasets=["digits"],
        noise=[0.4],
        relabel=["on"],
        relabel_from=2,
        epochs=EPOCHS,
        set={method: hyperparameters, "recipe": recipe, "relabel": {"margin": 0.0}},
    )


def data_of(cell):
    """The data set of a cell."""
    return load(cell.dataset, REGISTRY, PLUGINS, False)


def factory_of(cell, registry=REGISTRY):
    """What makes the method of a cell."""
    return MethodFactory.of(cell.method.name, cell.method.hyperparameters, registry)


def go(cell, path, stops=False, **options):
    """Train to the end, or until time is over, which it is after the first epoch."""
    return go_on(cell, data_of(cell), factory_of(cell), path, stops, **options)


def go_on(cell, data, factory, path, stops, keep_weights=True, **options):
    """Train with data and a method that are at hand."""
    keeper = Keeper(path, cell.identity, **{"interval": 1e9} | options)

    def on_epoch(progress, log):
        if stops:
            keeper.deadline = 0.0

    return execute(cell, data, factory, on_epoch, keeper, keep_weights=keep_weights)
