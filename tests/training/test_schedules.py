"""Learning rates follow the formulas of their schedules, step by step."""

import numpy as np
import pytest
import torch
from scripted import OF_CLASSIFIER, Scripted, WithClassifier, rates_by_name, training_set

from bench.grid.recipe_resolution import resolve_recipe
from bench.grid.request import Request
from bench.plugins.registry import Registry
from bench.recipe import Recipe
from bench.training.loop import Trainer
from bench.training.optimizer import make_optimizer, make_schedule


@pytest.mark.parametrize("schedule", ["one-cycle", "linear", "cosine", "constant"])
def test_schedules_follow_their_formula_over_the_whole_training(schedule):
    recipe = Recipe(epochs=4, batch_size=4, learning_rate=0.5, schedule=schedule)
    optimizer = make_optimizer(Scripted(), recipe)
    scheduler = make_schedule(optimizer, recipe, size=10)  # 4 + 4 + 2: three batches an epoch
    rates = []
    for _ in range(12):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    if schedule == "constant":
        assert rates == [0.5] * 12
    elif schedule == "cosine":
        expected = 0.25 * (1 + torch.cos(torch.pi * torch.arange(12) / 12))
        assert rates == pytest.approx(expected.tolist(), abs=1e-6)
    elif schedule == "linear":
        # A tenth of twelve steps is one: up in it, then down in eleven.
        assert rates == pytest.approx([0.1, *(0.5 * left / 11 for left in range(11, 0, -1))])
    else:
        assert rates[0] == pytest.approx(0.5 / 25)
        assert max(rates) == pytest.approx(0.5, rel=0.05)
        assert rates[-1] < 0.05


def test_a_ramp_is_airbenchs_triangle():
    """The factor is linear between (0, start), (int(rise · steps), 1) and (steps, end)."""
    ramp = {"start": 0.2, "rise": 0.23, "end": 0.07}
    recipe = Recipe(epochs=4, batch_size=4, learning_rate=0.5, schedule=ramp)
    optimizer = make_optimizer(Scripted(), recipe)
    scheduler = make_schedule(optimizer, recipe, size=100)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx(list(0.5 * np.interp(np.arange(100), [0, 23, 100], [0.2, 1, 0.07])))


def test_the_linear_schedule_rises_from_a_fifth_in_a_tenth_of_the_steps():
    optimizer = make_optimizer(Scripted(), recipe := Recipe(epochs=10, learning_rate=2.0, schedule="linear"))
    scheduler = make_schedule(optimizer, recipe, size=50 * recipe.batch_size)
    rates = []
    for _ in range(500):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates[0] == pytest.approx(0.4)
    assert rates[25] == pytest.approx(1.2)
    assert rates[50] == max(rates) == 2.0
    assert rates[275] == pytest.approx(1.0)
    assert rates[499] == pytest.approx(2 / 450)
    assert optimizer.param_groups[0]["lr"] == 0


def test_one_cycle_peaks_each_group_at_its_own_rate():
    recipe = Recipe(epochs=4, batch_size=4, learning_rate=0.5, classifier_learning_rate=2.0, schedule="one-cycle")
    method = WithClassifier()
    optimizer = make_optimizer(method, recipe)
    scheduler = make_schedule(optimizer, recipe, size=100)
    seen = []
    for _ in range(100):
        seen.append(rates_by_name(method, optimizer))
        optimizer.step()
        scheduler.step()
    for name in seen[0]:
        peak = 2.0 if name in OF_CLASSIFIER else 0.5
        assert max(rates[name] for rates in seen) == pytest.approx(peak, rel=1e-3)
        assert seen[0][name] == pytest.approx(peak / 25)


DECAYS = [
    pytest.param("fer2013", 250, 85, 5, id="fer2013"),
    pytest.param("rafdb", 60, 2, 1, id="rafdb"),
]


@pytest.mark.parametrize(("dataset", "epochs", "first", "every"), DECAYS)
def test_step_decay_holds_the_rate_within_an_epoch_and_lowers_it_as_published(dataset, epochs, first, every):
    recipe = resolve_recipe(Request(), Registry().find("datasets", dataset))
    assert recipe.epochs == epochs
    optimizer = make_optimizer(WithClassifier(), recipe)
    scheduler = make_schedule(optimizer, recipe, size=2 * recipe.batch_size + 2)  # three batches an epoch
    starts = [group["lr"] for group in optimizer.param_groups]
    factor = 1.0
    for epoch in range(1, epochs + 1):
        if epoch in range(first, epochs + 1, every):
            factor *= 0.9
        for _ in range(3):
            rates = [group["lr"] for group in optimizer.param_groups]
            assert rates == pytest.approx([factor * start for start in starts], rel=1e-9)
            optimizer.step()
            scheduler.step()
    assert factor < 0.05


def test_a_trailing_batch_of_one_is_no_step_of_the_decay():
    recipe = Recipe(epochs=3, batch_size=4, schedule={"factor": 0.5, "first_epoch": 2, "every": 1})
    data = training_set([0] * 9, [0] * 9, [0] * 9)
    run = Trainer(Scripted(), data, recipe, None, 0, 3)
    rates = []
    for epoch in (1, 2, 3):
        rates.append(run.optimizer.param_groups[0]["lr"])
        run.epoch(epoch)
    assert rates == pytest.approx([0.1, 0.05, 0.025])
