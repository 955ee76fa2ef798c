"""Estimates what a grid will cost, from a few timed training steps of each method on its data."""

import time
from typing import NamedTuple

from bench.errors import Declined, one_line
from bench.execution.context import Context, DataSets
from bench.execution.runner import build
from bench.grid.cell_state import BrokenCell, Cell, CellState
from bench.plugins.factory import MethodFactory
from bench.plugins.fence import fenced, standard
from bench.spec import RunSpec
from bench.training.loop import Trainer, TrainingSet
from bench.training.relabelling import TrainingLabels
from bench.training.transforms import by_recipe

STEPS, SECONDS = 8, 2.0
# An evaluated image costs about a third of a trained one: the forward pass alone.
EVALUATION = 1 / 3


class Plan(NamedTuple):
    """What will become of a cell: finished before, to run, declined or cannot run."""

    state: CellState
    seconds: float = 0.0
    reason: str = ""


class Estimator:
    """Estimates cells; methods, recipes and data sets that recur are timed once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.datasets = DataSets(context)
        self.rates: dict[str, float] = {}

    def estimate(self, cell: Cell) -> Plan:
        """Return what will become of a cell, and the seconds it will take."""
        if isinstance(cell, BrokenCell):
            return Plan(CellState.CANNOT_RUN, reason=cell.reason)
        try:
            if self.context.is_finished(cell):
                self.context.store.check(cell)
                return Plan(CellState.FINISHED)
            with fenced(self.context.registry.find("methods", cell.method.name).path, standard):
                return Plan(CellState.TO_RUN, self._seconds(cell))
        except Declined as error:
            return Plan(CellState.DECLINED, reason=one_line(error))
        except Exception as error:
            return Plan(CellState.CANNOT_RUN, reason=one_line(error))

    def _seconds(self, spec: RunSpec) -> float:
        data = self.datasets.get(spec)
        limit = spec.recipe.train_limit or len(data.train.labels)
        trained = min(limit, len(data.train.labels)) * (1 - spec.held_out)
        key = spec.model_dump_json(exclude={"noise", "seed", "relabel"})
        if key not in self.rates:
            self.rates[key] = self._images_per_second(spec)
        views = len(by_recipe(data, spec.recipe).evaluate(data.test.images[:1]))
        images = spec.recipe.epochs * (trained + EVALUATION * views * len(data.test.labels))
        return images / self.rates[key]

    def _images_per_second(self, spec: RunSpec) -> float:
        """Train on one batch over and over, the first time to warm up."""
        data = by_recipe(self.datasets.get(spec), spec.recipe)
        size = min(spec.recipe.batch_size, len(data.train.labels))
        labels = TrainingLabels.start(data.train.labels[:size], data.train.labels[:size])
        batch = TrainingSet(data.train.images[:size], labels, data.augment, data.evaluate)
        recipe = spec.recipe.model_copy(update={"epochs": STEPS + 1})
        factory = MethodFactory.of(spec.method.name, spec.method.hyperparameters, self.context.registry)
        method = build(spec, data, factory, size, noise_rate=spec.noise.rate or 0.0)
        trainer = Trainer(method, batch, recipe, spec.relabel, spec.seed, len(data.class_names))
        trainer.epoch(1)
        start, steps = time.perf_counter(), 0
        while steps < STEPS and time.perf_counter() - start < SECONDS:
            trainer.epoch(2 + steps)
            steps += 1
        return steps * size / (time.perf_counter() - start)
